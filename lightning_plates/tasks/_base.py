"""The contract that every task keeps."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from lightning_plates.errors import ModelError, SpecError
from lightning_plates.placement import Placement
from lightning_plates.schema import convert
from lightning_plates.spec import ModelSpec

Answer = TypeVar("Answer")
Label = TypeVar("Label")

Outputs: TypeAlias = Mapping[str, NDArray[np.generic]]
"""Output tensors of a model by name; the photos are their first axis."""

Shape: TypeAlias = tuple[str | int, ...]
"""Sizes of a tensor's axes; a letter where any size goes, the same one for axes of one size."""

Sizes: TypeAlias = tuple[int | None, ...]
"""Sizes of a tensor's axes in a graph; ``None`` where any size goes."""

Image: TypeAlias = NDArray[np.uint8]
"""RGB, shape ``(H, W, 3)``."""

Reading: TypeAlias = Callable[[Outputs], Outputs]
"""Reads the outputs of a model by another convention."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two answers to the same photo are."""

    value: float
    """0–1; 1 for equal answers."""
    answered: bool = True
    """Whether at least one of the two answers anything: two empty answers prove nothing."""
    score_difference: float = 0.0
    """Difference of the two best scores, 0–1; 0 where answers have no score."""


@dataclass(frozen=True, slots=True)
class Score:
    """How good answers are, measured against labels."""

    headline: float
    """Mean over the photos, 0–1, by the task's :attr:`Task.metric`."""
    rows: tuple[Mapping[str, float], ...]
    """Figures of each photo by name, in the order of the photos."""


@dataclass(frozen=True, slots=True)
class OutputMeaning:
    """Description of an output tensor, for formats that carry such texts."""

    text: str
    """One sentence."""
    holds_boxes: bool = False
    """Whether its last axis is ``x1, y1, x2, y2``."""


class Task(ABC, Generic[Answer, Label]):
    """Everything that depends on what a model answers; a subclass is stateless.

    ``Answer`` is the answer to one photo, ``Label`` what a person said about it.
    """

    name: ClassVar[str]
    """Name in model specs: that of the file."""
    target: ClassVar[str]
    """Kind of labels that answers are measured on: a file of ``data/targets``."""
    metric: ClassVar[str]
    """Column head of :attr:`Score.headline`, e.g. ``"IoU ≥ 0.5"``."""
    likeness: ClassVar[str]
    """Column head of :attr:`Likeness.value`, e.g. ``"IoU"``."""
    columns: ClassVar[tuple[str, ...]]
    """Heads of the columns of :meth:`cells`."""
    nothing: ClassVar[Any] = ()
    """Answer for a photo that could not be read."""
    kinds: ClassVar[str] = "f"
    """NumPy's kinds of the outputs' types: ``f`` floating point, ``i`` and ``u`` integers."""
    Options: ClassVar[type[Any]]
    """Frozen dataclass of the options in a spec, each with its default."""

    def options(self, spec: ModelSpec) -> Any:  # noqa: ANN401 -- an instance of Options
        """The checked options of ``spec``.

        Raises:
            SpecError: An option is unknown, or its value has the wrong type or range.
        """
        known = {field.name for field in dataclasses.fields(self.Options)}
        unknown = sorted(set(spec.options) - known)
        if unknown:
            choice = ", ".join(sorted(known)) or "none"
            raise SpecError(
                f"model spec: task {self.name} has no option {unknown[0]!r} (it has: {choice})"
            )
        return convert(dict(spec.options), self.Options, "model spec: options", SpecError)

    def check(self, spec: ModelSpec) -> None:
        """Refuse a spec whose options or classes this task cannot work with.

        Raises:
            SpecError: See :meth:`options`.
        """
        self.options(spec)

    @abstractmethod
    def outputs(self, spec: ModelSpec) -> Mapping[str, Shape]:
        """Shape by name of the model's outputs, in order; the first axis is the batch."""

    def shapes(self, spec: ModelSpec) -> dict[str, Sizes]:
        """:meth:`outputs` with ``None`` for letters."""
        return {
            name: tuple(size if isinstance(size, int) else None for size in shape)
            for name, shape in self.outputs(spec).items()
        }

    def misfit(
        self, shapes: Mapping[str, Sizes | None], spec: ModelSpec, batch: int | None = None
    ) -> str:
        """Say in a few words which output contradicts :meth:`outputs`; empty where none does.

        Args:
            shapes: Shape of each output by name; ``None`` where it is not known.
            spec: The model's convention.
            batch: Photos in the batch, where that is known.
        """
        wanted = self.outputs(spec)
        missing = sorted(set(wanted) - set(shapes))
        if missing:
            return f"outputs {sorted(shapes)} lack {missing}"
        known: dict[str | int, int] = {} if batch is None else {"N": batch}
        for name, shape in wanted.items():
            got = shapes[name]
            if got is not None and not _fits(got, shape, known):
                return _describe_misfit(name, shape, got)
        return ""

    @abstractmethod
    def decode(
        self, outputs: Outputs, spec: ModelSpec, placements: Sequence[Placement]
    ) -> list[Answer]:
        """Model outputs → one answer a photo.

        Args:
            outputs: By name; see :meth:`arrays`.
            spec: The model's convention.
            placements: Where each photo of the batch lies on the model's input.

        Raises:
            ModelError: An output is missing, or an answer is no number.
        """

    def bare(self, spec: ModelSpec) -> ModelSpec:
        """The same convention for comparing networks: nothing below a threshold is dropped."""
        return spec

    def best(self, answer: Answer) -> Answer:
        """The part of an answer that golden files hold; all of it unless overridden."""
        return answer

    @abstractmethod
    def agree(self, expected: Answer, got: Answer, spec: ModelSpec) -> Likeness:
        """Compare two answers to the same photo, decoded by :meth:`bare`."""

    @abstractmethod
    def score(self, answers: Sequence[Answer], labels: Sequence[Label]) -> Score:
        """Measure answers against labels; at least one photo."""

    @abstractmethod
    def pack(self, answer: Answer) -> Mapping[str, NDArray[Any]]:
        """The answer as plain arrays by name, for files."""

    @abstractmethod
    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> Answer:
        """Read what :meth:`pack` gave.

        Raises:
            ValueError: An array is missing or has the wrong shape.
        """

    @abstractmethod
    def draw(self, image: Image, answer: Answer) -> Image:
        """The answer drawn on a copy of the photo."""

    @abstractmethod
    def describe(self, answer: Answer) -> str:
        """The answer in one line for people."""

    @abstractmethod
    def record(self, answer: Answer) -> dict[str, Any]:
        """The answer as JSON values by key."""

    @abstractmethod
    def cells(self, answer: Answer) -> list[list[str]]:
        """Rows of a table by :attr:`columns`, one for each thing answered; none for nothing."""

    def conventions(self, spec: ModelSpec) -> Mapping[str, Reading]:
        """Other conventions by name that outputs may follow by mistake; ``check`` tries them."""
        return {}

    def meaning(self, output: str, spec: ModelSpec) -> OutputMeaning:
        """Description of one output for formats that carry such texts."""
        return OutputMeaning(f"Output {output} of task {self.name}.")

    def scaled(self, answer: Answer, across: float, down: float) -> Answer:
        """The answer in pixels of a photo that is ``across`` × ``down`` times as large.

        Huge photos are decoded smaller; unchanged unless answers speak of places.
        """
        return answer

    def arrays(
        self, outputs: Outputs, spec: ModelSpec, batch: int | None = None
    ) -> list[NDArray[np.float64]]:
        """The outputs that :meth:`outputs` names, in order.

        Raises:
            ModelError: One is missing or has another shape.
        """
        shapes = {name: np.shape(values) for name, values in outputs.items()}
        misfit = self.misfit(shapes, spec, batch)
        if misfit:
            raise ModelError(f"model {spec.name}: {misfit}")
        return [np.asarray(outputs[name], dtype=np.float64) for name in self.outputs(spec)]


def _fits(got: Sizes, wanted: Shape, known: dict[str | int, int]) -> bool:
    """Compare axis by axis; what lettered axes are is noted in ``known``."""
    if len(got) != len(wanted):
        return False
    sizes = [(axis, size) for axis, size in zip(wanted, got, strict=True) if size is not None]
    return all(
        known.setdefault(axis, axis if isinstance(axis, int) else size) == size
        for axis, size in sizes
    )


def _describe_misfit(name: str, wanted: Shape, got: Sizes) -> str:
    shown = ", ".join(map(str, wanted))
    found = ", ".join("any" if size is None else str(size) for size in got)
    return f"output {name!r} has shape ({found}), expected ({shown})"
