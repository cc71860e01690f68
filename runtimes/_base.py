"""The contract that every inference adapter keeps.

An adapter states four facts and two methods; checks, the spec and closing come from here.
Nothing here measures time: that is ``bench/measure.py``'s alone.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lightning_plates import processing
from lightning_plates.boxes import Detection
from lightning_plates.drafts import write_text
from lightning_plates.errors import InputError, ModelError, SpecError
from lightning_plates.files import check_regular, read_bytes, real_path
from lightning_plates.photos import RgbImage
from lightning_plates.shipment import check_shipped
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks import Sizes, task_of

Tensors: TypeAlias = Mapping[str, NDArray[np.generic]]

MAX_THREADS = 1024
"""Twice what the largest servers have; some libraries crash where they cannot start so many."""
_MAX_SPEC_BYTES = 1_000_000
"""Of a sidecar; one has 500."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, shape and type of one input or output."""

    name: str
    shape: Sizes
    """Empty where the file does not tell."""
    dtype: np.dtype[np.generic]

    def check(self, array: NDArray[np.generic], model: Path) -> None:
        """Refuse an ``array`` that does not fit.

        Raises:
            InputError: Its shape or type differs from what the model declares.
        """
        fits = len(array.shape) == len(self.shape) and all(
            wanted is None or wanted == got
            for wanted, got in zip(self.shape, array.shape, strict=True)
        )
        if not fits:
            raise InputError(
                f"{model.name}: input {self.name!r} has shape {array.shape}, "
                f"the model expects {self.shape}"
            )
        if array.dtype != self.dtype:
            raise InputError(
                f"{model.name}: input {self.name!r} is {array.dtype}, "
                f"the model expects {self.dtype}"
            )


Specs: TypeAlias = tuple[TensorSpec, ...]


def require_regular(file: Path) -> None:
    """Refuse what a library would hang on, or fill the memory with, when it opens it.

    Raises:
        InputError: Missing, a folder, a pipe or device, or larger than the limit.
    """
    try:
        check_regular(file)
    except FileNotFoundError as error:
        raise InputError(f"{file}: no such file") from error
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from error


class Runtime(ABC):
    """An opened model; use it as a context manager. Several threads may run it.

    Args:
        model: The model file.
        device: What runs it, one of :attr:`devices`; ``None`` takes the first of them.
        threads: Threads for one inference; ``None`` leaves the choice to the library.

    Raises:
        InputError: The file is missing or none that can be read as a whole, the number of threads
            is out of range, or the runtime has no such device.
        ModelError: The library cannot open the file, or lacks the device; or a model that ships
            is damaged.
        MissingDependencyError: The library is not installed.
    """

    label: ClassVar[str]
    """Name for people, e.g. ``"ONNX Runtime"``."""
    module: ClassVar[str]
    """Python package that does the work; imported when a model is opened."""
    extra: ClassVar[str]
    """Extra of this distribution that installs it; empty where every installation has it."""
    suffixes: ClassVar[tuple[str, ...]]
    """Endings of the files that it opens."""
    is_folder: ClassVar[bool] = False
    """Whether a model is a folder of files."""
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    """What can run them, the default one first. Nothing else ever runs a model that was opened on
    one of them: an adapter whose library would quietly fall back raises :class:`ModelError`."""

    reentrant: ClassVar[bool] = False
    """Whether the library computes for several threads at the same time. The others take turns:
    they keep an inference's state in the model and would mix up the answers of two photos."""

    SPEC_SUFFIX: ClassVar[str] = ".spec.json"
    """What follows the model file's name in the sidecar of formats without metadata."""

    def __init__(self, model: Path, device: str | None = None, threads: int | None = None) -> None:
        for file in self._files(model):
            require_regular(file)
        check_shipped(model)
        if threads is not None and not 1 <= threads <= MAX_THREADS:
            raise InputError(f"threads is {threads}, expected 1 to {MAX_THREADS}")
        self.model = model
        self.device = self._known_device(device)
        self._turn = contextlib.nullcontext() if self.reentrant else threading.Lock()
        self.inputs, self.outputs = self._open(model, self.device, threads)
        self._is_open = True

    @abstractmethod
    def _open(self, model: Path, device: str, threads: int | None) -> tuple[Specs, Specs]:
        """Load the file; return its inputs and outputs."""

    @abstractmethod
    def _run(self, feeds: Tensors) -> Tensors:
        """Compute every output from checked inputs."""

    def _close(self) -> None:  # noqa: B027 -- most libraries free their memory by themselves
        """Free what the library does not free by itself."""

    def _files(self, model: Path) -> list[Path]:
        """Everything that the library will open; what is missing there has its own message."""
        if self.is_folder and model.is_dir():
            return sorted(file for file in model.rglob("*") if not file.is_dir())
        return [model]

    def _spec_json(self) -> str | bytes | None:
        """Text of the model's spec; formats without metadata carry it in a sidecar file."""
        sidecar = self._spec_sidecar()
        try:
            return read_bytes(sidecar, _MAX_SPEC_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SpecError(f"{sidecar}: {error.strerror}") from error

    def _stored_spec(self) -> ModelSpec | None:
        """The spec as the file has it, for itself alone; ``None`` where there is none.

        Raises:
            SpecError: It is damaged; the message names the file and the field.
        """
        text = self._spec_json()
        sidecar = self._spec_sidecar()
        try:
            return None if text is None else ModelSpec.from_json(text)
        except SpecError as error:
            raise SpecError(f"{sidecar if sidecar.exists() else self.model}: {error}") from error

    def _spec_sidecar(self) -> Path:
        return self.model.with_name(self.model.name + self.SPEC_SUFFIX)

    @functools.cached_property
    def spec(self) -> ModelSpec:
        """The model's pre- and post-processing.

        Raises:
            SpecError: The file carries none, or it contradicts the model's inputs or outputs.
        """
        spec = self._stored_spec()
        if spec is None:
            raise SpecError(
                f"{self.model}: no model spec in its metadata; "
                "export it again with: python -m conversion.hub CHECKPOINT -o model.onnx"
            )
        self._check_spec(spec)
        return spec

    def store_spec(self, spec: ModelSpec, target: Path) -> None:
        """Replace the spec that the model carries; the network stays as it is.

        Formats without metadata change their sidecar, which only the model's own files can.

        Args:
            spec: What later openings of ``target`` give.
            target: The file to write, which may be the model itself.

        Raises:
            InputError: As :meth:`check_storable`.
            OSError: The target cannot be written; what lay there stays.
        """
        self.check_storable(target)
        write_text(self._spec_sidecar(), spec.to_json() + "\n")

    def check_storable(self, target: Path) -> None:
        """Make sure that :meth:`store_spec` can write to ``target``, before work is done for it.

        Raises:
            InputError: The format cannot carry another spec, or not in another place.
        """
        sidecar = self._spec_sidecar()
        if not sidecar.exists():
            raise InputError(
                f"{self.model}: files of this format cannot be given another spec; "
                "give it to the ONNX hub file and convert that"
            )
        if real_path(target) != real_path(self.model):
            raise InputError(
                f"{target}: the spec lies in {sidecar.name}, so it is changed in place only; "
                "copy the model first"
            )

    def run(self, feeds: Tensors) -> Tensors:
        """Run the model once.

        Args:
            feeds: One array for every input, by name.

        Returns:
            One array for every output, by name.

        Raises:
            InputError: An input is missing, unknown, or of the wrong shape or type.
            ModelError: The model was closed, or the library failed.
        """
        if not self._is_open:
            raise ModelError(f"{self.model}: the model is closed")
        expected = {tensor.name for tensor in self.inputs}
        if set(feeds) != expected:
            raise InputError(
                f"{self.model.name}: got inputs {sorted(feeds)}, the model takes {sorted(expected)}"
            )
        for tensor in self.inputs:
            tensor.check(feeds[tensor.name], self.model)
        with self._turn:
            return self._run(feeds)

    def answer(self, images: Sequence[RgbImage]) -> list[Any]:
        """Answer each photo, by the task of the model's spec.

        Args:
            images: RGB photos of any sizes, each of shape ``(H, W, 3)``.

        Returns:
            One answer a photo, of the kind that the task describes.
        """
        if not images:
            return []
        batch, placements = processing.prepare(images, self.spec)
        return processing.decode(self._run_batch(batch), self.spec, placements)

    def locate(self, images: Sequence[RgbImage]) -> list[tuple[Detection, ...]]:
        """Find the objects of each photo, best first; :meth:`answer` of a model for boxes.

        Args:
            images: RGB photos of any sizes, each of shape ``(H, W, 3)``.

        Returns:
            One tuple a photo; boxes in pixels of that photo.

        Raises:
            InputError: The model answers something else.
        """
        task = task_of(self.spec)
        if task.target != "boxes":
            raise InputError(f"{self.model}: answers {task.name}, not boxes")
        return self.answer(images)

    def predict(self, images: Sequence[RgbImage]) -> Tensors:
        """Raw outputs for photos, for whoever compares models.

        Args:
            images: RGB photos of any sizes, at least one.

        Returns:
            One array for every output, by name; the photos are its first axis.
        """
        batch, _ = processing.prepare(images, self.spec)
        return self._run_batch(batch)

    def close(self) -> None:
        """Free the model; closing twice is fine."""
        if self._is_open:
            self._is_open = False
            self._close()

    def __enter__(self) -> Runtime:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _run_batch(self, batch: processing.Tensor) -> Tensors:
        """Run a batch at once, or photo by photo where the file was compiled for fewer."""
        name = self.spec.input_name
        fixed = self.inputs[0].shape[0]
        if fixed is None or fixed == len(batch):
            return self.run({name: batch})
        parts = [self.run({name: batch[i : i + 1]}) for i in range(len(batch))]
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    def _known_device(self, device: str | None) -> str:
        if device is None:
            return self.devices[0]
        if device not in self.devices:
            choice = ", ".join(self.devices)
            raise InputError(f"{self.label} has no device {device!r} (choose from: {choice})")
        return device

    def _check_spec(self, spec: ModelSpec) -> None:
        names = [tensor.name for tensor in self.inputs]
        if names != [spec.input_name]:
            raise SpecError(
                f"{self.model}: the spec names input {spec.input_name!r}, the graph has {names}"
            )
        graph = self.inputs[0].shape
        if not _fits(spec, graph):
            other = replace(spec, layout="NHWC" if spec.layout == "NCHW" else "NCHW")
            hint = f"; layout {other.layout} would fit" if _fits(other, graph) else ""
            raise SpecError(
                f"{self.model}: the spec says input {spec.input_shape[1:]} "
                f"(layout {spec.layout}), the graph {graph[1:]}{hint}"
            )
        task = task_of(spec)
        task.check(spec)
        misfit = task.misfit({tensor.name: tensor.shape or None for tensor in self.outputs}, spec)
        if misfit:
            raise SpecError(f"{self.model}: the spec says {task.name}, but the graph's {misfit}")
        known = {spec.input_name, *task.outputs(spec)}
        for tensor in (*self.inputs, *self.outputs):
            if tensor.name in known and tensor.dtype.kind not in task.kinds:
                raise SpecError(
                    f"{self.model}: {tensor.name!r} holds {tensor.dtype}, expected floating point"
                )


def _fits(spec: ModelSpec, graph: tuple[int | None, ...]) -> bool:
    """Whether an input of shape ``graph`` takes what ``spec`` prepares."""
    return len(graph) == 4 and all(
        got in (None, wanted) for wanted, got in zip(spec.input_shape[1:], graph[1:], strict=True)
    )
