"""ONNX hub → TensorFlow Lite: ``python -m conversion.tflite MODEL.onnx -o DIR``.

onnx2tf writes the float32 file, ai-edge-quantizer all others; both run in an environment of their
own, which is made on first use. FP16 halves the weights and computes in float32. INT8 comes in
three kinds: ``full`` has integers at its input and output too, for accelerators that have nothing
else; ``mixed`` leaves layers in float where that measures better; ``dynamic`` stores INT8 weights
alone and needs no calibration.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conversion._base import Converter, Job, Variant, Written, measure_trial
from conversion.gate.parity import Parity
from conversion.graph.folding import save_folded, spread_grids
from conversion.int8.keep_float import Layers, add_float_options, settle_layers
from conversion.tflite import quantise
from conversion.tflite.graph import read_graph
from conversion.tflite.metadata import add_metadata
from conversion.tools.environment import ToolEnvironment
from lightning_plates.errors import ConversionError, InputError
from lightning_plates.spec import ModelSpec

TOOLS = ToolEnvironment("tflite", pythons=("3.12", "3.13"))
"""onnx2tf declares Python 3.12; its pinned version also works on 3.10 and 3.11."""
KINDS = ("full", "mixed", "dynamic")
"""Kinds of INT8, the default one first."""


@dataclass(frozen=True)
class TfliteConverter(Converter):
    """``.tflite`` files, input NHWC, batch of one."""

    label, module, extra = "TensorFlow Lite", "ai_edge_litert", "tflite"
    precisions = ("fp32", "fp16", "int8")
    suffix, runtime = ".tflite", "tflite"
    variants = tuple(Variant("int8", kind, ("--kind", kind)) for kind in KINDS[1:])

    kind: str = KINDS[0]
    """Of INT8: one of :data:`KINDS`."""
    across_photos: str = "minmax"
    """How the ranges of several photos become one: ``minmax`` or ``average``."""
    keep_float: tuple[str, ...] | None = None
    """Layers that ``mixed`` leaves in float; ``None`` measures which of the last and first ones."""
    search: bool = False
    """Whether ``mixed`` measures every layer, not the outermost ones alone."""

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the kind of INT8, its calibration and the choice of float layers."""
        parser.add_argument(
            "--kind", choices=KINDS, default=KINDS[0],
            help="of INT8. full: integers at input and output too; mixed: layers in float where "
            "that measures better; dynamic: weights alone, no calibration (%(default)s)",
        )  # fmt: skip
        parser.add_argument(
            "--across-photos", choices=("minmax", "average"), default="minmax",
            help="how the ranges of several photos become one (%(default)s)",
        )  # fmt: skip
        add_float_options(parser)

    def prepare_tool(self) -> None:
        """Make the tool environment, half a gigabyte, on first use."""
        TOOLS.ensure()

    def tool_version(self) -> str:
        """Names and versions of the two tools."""
        return ", ".join(f"{name} {TOOLS.pins[name]}" for name in ("onnx2tf", "ai-edge-quantizer"))

    def calibrates(self, precision: str) -> bool:
        """Every INT8 but the dynamic one."""
        return precision == "int8" and self.kind != "dynamic"

    def file_suffix(self) -> str:
        """``.tflite``; the kinds of INT8 that are not the default one say which they are."""
        return self.suffix if self.kind == KINDS[0] else f".{self.kind}{self.suffix}"

    def _write(self, job: Job, draft: Path) -> Written:
        spec = dataclasses.replace(job.hub.spec, layout="NHWC")
        source = _save_float(job)
        details: dict[str, Any] = {}
        if job.precision == "fp32":
            shutil.copyfile(source, draft)
        elif job.precision == "fp16":
            _quantise(source, "fp16", draft)
        else:
            details = self._save_int8(job, source, spec, draft)
        add_metadata(draft, spec)
        return Written(read_graph(draft).count_operators(), details, spec)

    def check_options(self, precision: str, calibrated: bool) -> None:
        """Refuse options of other kinds too; see :meth:`Converter.check_options`."""
        if precision != "int8" and self.kind != KINDS[0]:
            raise InputError(f"--kind {self.kind} is of --precision int8, not of {precision}")
        if self.kind != "mixed" and (self.keep_float or self.search):
            raise InputError("--keep-float and --search belong to --kind mixed")
        super().check_options(precision, calibrated)

    def _save_int8(self, job: Job, source: Path, spec: ModelSpec, draft: Path) -> dict[str, Any]:
        if self.kind == "dynamic":
            _quantise(source, "dynamic", draft)
            return {"kind": self.kind}
        static = _Static(job, source, spec, self.across_photos, float_outputs=self.kind == "mixed")
        asked = () if self.kind == "full" else self.keep_float
        choice = settle_layers(static.layers, asked, static.measure, self.search)
        static.write(draft, choice.kept)
        return {"kind": self.kind, **choice.describe()}


class _Static:
    """A float32 file with calibrated ranges, ready to be written in INT8.

    Args:
        job: The conversion.
        source: The float32 ``.tflite`` file.
        spec: Its convention.
        across_photos: How the ranges of several photos become one.
        float_outputs: Whether an output that is computed in float stays in float.
    """

    def __init__(
        self, job: Job, source: Path, spec: ModelSpec, across_photos: str, float_outputs: bool
    ) -> None:
        self._job, self._source, self._spec = job, source, spec
        self._float_outputs = float_outputs
        self._graph = read_graph(source)
        self.layers = self._graph.layers
        self._ranges = job.scratch / "ranges.json"
        _quantise(
            source, "ranges", self._ranges, "--photos", _save_photos(job, spec),
            "--input-name", spec.input_name, "--across-photos", across_photos,
        )  # fmt: skip

    def write(self, target: Path, kept: Layers) -> None:
        """Write the INT8 file with the layers ``kept`` in float."""
        names = self._job.scratch / "keep_float.json"
        scopes = self._graph.scopes_in_float(kept, self._float_outputs)
        names.write_text(json.dumps(scopes), encoding="utf-8")
        _quantise(self._source, "static", target, "--ranges", self._ranges, "--keep-float", names)

    def measure(self, kept: Layers) -> tuple[Parity, int]:
        """Write, compare and weigh one choice of layers."""
        folder = self._job.scratch / "trial"
        folder.mkdir(exist_ok=True)
        self.write(folder / "trial.tflite", kept)
        return measure_trial(
            self._job, folder / "trial.tflite", TfliteConverter.runtime, self._spec
        )


def _save_float(job: Job) -> Path:
    """The float32 file, as onnx2tf writes it: NHWC, batch of one."""
    folded = save_folded(job.hub, job.scratch / "folded.onnx")
    out = job.scratch / "onnx2tf"
    words: list[str | Path] = ["-m", "onnx2tf", "-i", folded, "-o", out, "-n"]
    if job.hub.spec.layout == "NHWC":
        words += ["-kat", job.hub.spec.input_name]  # else it would turn the axes once more
    else:
        spread_grids(folded)
    TOOLS.run(words)
    written = out / f"{folded.stem}_float32.tflite"
    if not written.exists():
        raise ConversionError(f"{job.hub.path}: onnx2tf wrote no float32 file")
    return written


def _quantise(source: Path, kind: str, target: Path, *words: str | Path) -> None:
    TOOLS.run([quantise.__file__, source, kind, target, *words])


def _save_photos(job: Job, spec: ModelSpec) -> Path:
    """The calibration photos as the model takes them, in one file that need not fit in memory."""
    file = job.scratch / "photos.npy"
    photos = job.training_photos
    shape = (len(photos.files), *spec.input_shape[1:])
    values = np.lib.format.open_memmap(file, mode="w+", dtype=np.float32, shape=shape)
    for number, batch in enumerate(photos.batches(spec)):
        values[number] = batch[0]
    values.flush()
    return file
