"""What every conversion shares: convert to a draft, compare with the source, then put in place.

A converter exists because its file exists. It states what others must know before its tool is
imported, and writes a draft; opening the hub, choosing photos, comparing, the manifest and putting
in place come from here.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from conversion.gate.comparison import compare_again, compare_files
from conversion.gate.golden import make_golden
from conversion.gate.manifest import Manifest, digest_of, size_of, write_manifest
from conversion.gate.parity import (
    TOLERANCES,
    Parity,
    Tolerance,
    require_agreement,
)
from conversion.graph.hub_file import Hub, in_one_file, open_hub
from conversion.int8.calibration import Calibration
from conversion.int8.keep_float import SEARCH_PHOTOS
from conversion.operators.mapping import Trace
from lightning_plates.drafts import draft_files_in, draft_of
from lightning_plates.errors import InputError
from lightning_plates.golden import golden_file, save_golden
from lightning_plates.optional import require
from lightning_plates.photos import RgbImage
from lightning_plates.spec import ModelSpec
from runtimes import Runtime

ConverterType = TypeVar("ConverterType", bound="Converter")


@dataclass(frozen=True, slots=True)
class Job:
    """One conversion, as a converter sees it."""

    hub: Hub
    """The source, checked."""
    precision: str
    """One of the converter's precisions."""
    calibration: Calibration | None
    """Training photos; never ``None`` where :meth:`Converter.calibrates` says so."""
    scratch: Path
    """Folder for intermediate files, removed afterwards."""
    device: str | None = None
    """What runs the converted model when it is compared; ``None``: its runtime's first."""

    @property
    def training_photos(self) -> Calibration:
        """The calibration, where the precision needs one.

        Raises:
            InputError: There is none.
        """
        if self.calibration is None:
            raise InputError(f"{self.precision} needs photos to calibrate: --calibration FOLDER")
        return self.calibration


@dataclass(frozen=True, slots=True)
class Written:
    """What a converter says about the draft that it wrote."""

    operators: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Number of nodes by operator in the converted model, where the format tells."""
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Whatever else belongs into the manifest, as JSON values, e.g. the layers kept in float."""
    spec: ModelSpec | None = None
    """The converted model's convention, where it differs from the hub's (e.g. NHWC)."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A precision, or a named choice of options with which ``all`` makes a precision."""

    precision: str
    """One of the converter's precisions."""
    name: str = ""
    """What tells it from the plain precision, e.g. ``"dynamic"``; empty for that one."""
    words: tuple[str, ...] = ()
    """What the converter's script is told too, e.g. ``("--kind", "dynamic")``."""

    @property
    def label(self) -> str:
        """For people, e.g. ``"int8 dynamic"``."""
        return f"{self.precision} {self.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Artefact:
    """A converted model that was put in place."""

    path: Path
    manifest: Manifest


class Converter(ABC):
    """Converts hub files to one format.

    A subclass that offers options of its own is a frozen dataclass: each field is an option,
    declared for the command line in :meth:`add_options` under the field's name.
    """

    label: ClassVar[str]
    """Name of the format for people, e.g. ``"TensorFlow Lite"``."""
    module: ClassVar[str]
    """Python package that converts; imported when a conversion starts."""
    extra: ClassVar[str]
    """Extra of this distribution that installs it."""
    precisions: ClassVar[tuple[str, ...]]
    """Those of :data:`~conversion.gate.parity.PRECISIONS` that the format has."""
    variants: ClassVar[tuple[Variant, ...]] = ()
    """What ``all`` makes beside every plain precision. Each needs a file name of its own, see
    :meth:`file_suffix`."""
    suffix: ClassVar[str]
    """Ending of the file that a runtime opens."""
    runtime: ClassVar[str]
    """Name of the runtime that opens it."""
    carries_spec: ClassVar[bool] = False
    """Whether the file holds the spec itself; otherwise it lies beside it in a sidecar."""
    built_again: ClassVar[tuple[str, ...]] = ()
    """Endings of files that the runtime of another machine replaces by its own."""
    max_opset: ClassVar[int] = 21
    """Newest operator set that it reads."""

    @classmethod  # noqa: B027 -- few formats have options
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the options of this format; ``dest`` is the field's name."""

    @classmethod
    def every_variant(cls) -> tuple[Variant, ...]:
        """The plain precisions and the named variants, those of one precision together."""
        plain = tuple(Variant(precision) for precision in cls.precisions)
        order = {precision: number for number, precision in enumerate(cls.precisions)}
        return tuple(sorted(plain + cls.variants, key=lambda one: order[one.precision]))

    @classmethod
    def from_words(cls: type[ConverterType], words: Sequence[str]) -> ConverterType:
        """Make a converter from words of its script's command line."""
        parser = argparse.ArgumentParser()
        cls.add_options(parser)
        return cls.from_arguments(parser.parse_args(words))

    @classmethod
    def from_arguments(cls: type[ConverterType], args: argparse.Namespace) -> ConverterType:
        """Make a converter from what :meth:`add_options` declared."""
        given = {name: getattr(args, name) for name in cls.option_names()}
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})

    @classmethod
    def option_names(cls) -> tuple[str, ...]:
        """Names of the options of this format."""
        if not dataclasses.is_dataclass(cls):
            return ()
        fields: tuple[dataclasses.Field[Any], ...] = dataclasses.fields(cls)
        return tuple(field.name for field in fields)

    def check_tool(self) -> None:
        """Make sure that the packages are there which this program imports itself.

        Raises:
            MissingDependencyError: One is not installed; the message says what to install.
        """
        for module in ("onnx", self.module):  # onnx reads every hub
            require(module, extra=self.extra)

    def prepare_tool(self) -> None:  # noqa: B027 -- most tools run in this program
        """Make the environment of a tool that has its own, once nothing speaks against its use.

        Raises:
            MissingDependencyError: It cannot be made.
        """

    def tool_version(self) -> str:
        """Name and version of the tool, for the manifest."""
        return f"{self.module} {importlib.metadata.version(self.module)}"

    def calibrates(self, precision: str) -> bool:
        """Whether ``precision`` needs calibration photos."""
        return precision == "int8"

    def file_suffix(self) -> str:
        """Ending of the file, where an option chooses among several."""
        return self.suffix

    def file_name(self, hub_file: Path, precision: str) -> str:
        """What the converted model is called."""
        return f"{hub_file.stem}.{precision}{self.file_suffix()}"

    def option_values(self) -> dict[str, Any]:
        """Value by option, as the manifest holds it."""
        return {name: getattr(self, name) for name in self.option_names()}

    @abstractmethod
    def _write(self, job: Job, draft: Path) -> Written:
        """Write the converted model to ``draft``; further files may lie beside it.

        Raises:
            ConversionError: The tool failed; the message says why in one line.
        """

    def answers_in(self, draft: Path) -> tuple[Path, str]:
        """The file that is compared with the hub, and the runtime that opens it.

        They are the draft itself and :attr:`runtime`, but where the target cannot run here.
        """
        return draft, self.runtime

    def trace(self, model: Path) -> tuple[Trace, ...]:
        """The operators of a converted file, each with the names of the source that it kept.

        Empty where the format keeps none; then nobody can tell which operator became which.
        """
        return ()

    def usual_device(self) -> str | None:
        """What runs a converted model where no device is named; ``None``: its runtime's first."""
        return None

    def write_draft(self, job: Job, draft: Path) -> Written:
        """Write the converted model and the spec beside it; nothing is compared.

        Raises:
            ConversionError: The tool failed.
        """
        written = self._write(job, draft)
        if not self.carries_spec:
            sidecar = draft.with_name(draft.name + Runtime.SPEC_SUFFIX)
            sidecar.write_text((written.spec or job.hub.spec).to_json() + "\n", encoding="utf-8")
        return written

    def convert(
        self,
        hub_file: Path,
        folder: Path,
        precision: str,
        photos: Sequence[RgbImage],
        calibration: Calibration | None = None,
        min_mean_likeness: float | None = None,
        device: str | None = None,
    ) -> Artefact:
        """Convert a hub file and put the result in place if it answers like its source.

        Args:
            hub_file: The ``.onnx`` file.
            folder: Where the result goes, as ``STEM.PRECISION.SUFFIX``.
            precision: ``fp32``, ``fp16`` or ``int8``.
            photos: RGB photos on which both are compared.
            calibration: Training photos; needed where :meth:`calibrates` says so.
            min_mean_likeness: Replaces the stated tolerance of the mean likeness.
            device: What runs the converted model; ``None``: :meth:`usual_device`.

        Raises:
            InputError: The hub, the precision or the photos cannot be used.
            ConversionError: The tool failed.
            ParityError: The converted model answers differently; nothing was written.
            MissingDependencyError: The tool is not installed.
        """
        self.check_options(precision, calibration is not None)
        if not photos:
            raise InputError("no photos to compare the converted model with its source on")
        self.check_tool()
        device = device or self.usual_device()
        hub = open_hub(hub_file, self.max_opset)
        self.prepare_tool()
        tolerance = tolerance_of(precision, min_mean_likeness)
        name = self.file_name(hub_file, precision)
        with draft_files_in(folder) as drafts, tempfile.TemporaryDirectory() as scratch:
            hub = in_one_file(hub, Path(scratch) / "hub")
            used = calibration if self.calibrates(precision) else None
            job = Job(hub, precision, used, Path(scratch), device)
            draft = drafts / name
            written = self.write_draft(job, draft)
            files = sorted(drafts.iterdir())
            file, runtime = self.answers_in(draft)
            parity = compare_files(hub.path, file, photos, runtime, device)
            _require_answers(parity, precision)
            require_agreement(folder / name, parity, tolerance)
            golden = make_golden(hub.path, file, runtime, precision, device)
            save_golden(golden, golden_file(draft))
            manifest = self._describe(job, files, written, parity, tolerance)
            write_manifest(draft, manifest)
            made = draft if draft.exists() else file
        return Artefact(folder / made.name, manifest)

    def check_options(self, precision: str, calibrated: bool) -> None:
        """Refuse options that contradict each other, before anything is read or made.

        Args:
            precision: What was asked for.
            calibrated: Whether there are photos to calibrate with.

        Raises:
            InputError: One of them cannot be; the message names it.
        """
        if precision not in self.precisions:
            raise InputError(
                f"{self.label} has no precision {precision!r} "
                f"(choose from: {', '.join(self.precisions)})"
            )
        kept, search = getattr(self, "keep_float", None), getattr(self, "search", False)
        if precision != "int8" and (kept or search):
            raise InputError(f"--keep-float and --search are of --precision int8, not {precision}")
        if kept is not None and search:
            raise InputError(
                "--search chooses the layers that --keep-float names; give one of them"
            )
        if not calibrated and self.calibrates(precision):
            raise InputError(
                f"{self.label} needs photos to calibrate {precision}: --calibration FOLDER"
            )

    def _describe(
        self,
        job: Job,
        files: Sequence[Path],
        written: Written,
        parity: Parity,
        tolerance: Tolerance,
    ) -> Manifest:
        lasting = [file for file in files if not file.name.endswith(self.built_again)]
        return Manifest(
            converter=type(self).__module__.split(".")[
                1
            ],  # conversion.NAME or conversion.NAME.converter
            tool=self.tool_version(),
            precision=job.precision,
            hub_file=job.hub.path.name,
            hub_sha256=job.hub.sha256,
            device=job.device,
            calibration=job.calibration.describe() if job.calibration else None,
            options=self.option_values(),
            hub_operators=job.hub.operators,
            operators=written.operators,
            sizes={file.name: size_of(file) for file in files},
            sha256={file.name: digest_of(file) for file in lasting},
            parity=parity,
            tolerance=tolerance,
            details=written.details,
        )


def measure_trial(
    job: Job, trial: Path, runtime: str, spec: ModelSpec | None = None
) -> tuple[Parity, int]:
    """Compare a file that is only tried, and weigh it.

    Args:
        job: The conversion; its first calibration photos are compared on.
        trial: The file, alone with what belongs to it in a folder of ``job.scratch``.
        runtime: What opens it.
        spec: The convention to write beside it, for formats that cannot carry it.

    Returns:
        How far its answers are from the hub's, and its size in bytes.
    """
    sidecar = trial.with_name(trial.name + Runtime.SPEC_SUFFIX)
    files = (file for file in trial.parent.iterdir() if file != sidecar)
    size_bytes = sum(size_of(file) for file in files)
    if spec is not None:
        sidecar.write_text(spec.to_json(), encoding="utf-8")
    photos = job.training_photos.files[:SEARCH_PHOTOS]
    hub = job.hub
    return compare_again(hub.path, hub.sha256, trial, photos, runtime, job.device), size_bytes


def produce(
    target: Path,
    convert: Callable[[Path], None],
    compare: Callable[[Path], Parity],
    tolerance: Tolerance,
) -> Parity:
    """Convert to a draft, compare it, and put it in place only if it agrees.

    Args:
        target: Where the result goes; what lies there stays untouched on failure.
        convert: Writes the converted model to the path that it is given.
        compare: Opens that path and compares its answers with the source's.
        tolerance: Disagreement that is still accepted.

    Raises:
        ParityError: The converted model answers differently; nothing was written.
    """
    with draft_of(target) as draft:
        convert(draft)
        parity = compare(draft)
        require_agreement(target, parity, tolerance)
    return parity


def tolerance_of(precision: str, min_mean_likeness: float | None) -> Tolerance:
    """The stated tolerance of ``precision``, its likeness replaced unless that is ``None``."""
    stated = TOLERANCES[precision]
    if min_mean_likeness is None:
        return stated
    return dataclasses.replace(stated, min_mean_likeness=min_mean_likeness)


def _require_answers(parity: Parity, precision: str) -> None:
    """Two models that find nothing agree, which proves nothing."""
    if parity.answered == 0 and precision != "fp32":
        raise InputError(
            f"neither model answers anything in any of the {parity.photos} photos, so that nothing "
            "can be compared: give photos that show what it looks for (--photos)"
        )
