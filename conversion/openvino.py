"""ONNX hub → OpenVINO: ``python -m conversion.openvino MODEL.onnx -o DIR``.

FP16 stores half-precision weights; INT8 is NNCF's post-training quantisation. NNCF averages the
ranges of the photos, which cuts the strongest activations; here they are joined unless asked.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from conversion._base import Converter, Job, Written, measure_trial
from conversion.gate.parity import Parity
from conversion.graph.hub_file import Hub
from conversion.int8.keep_float import SEARCH_PHOTOS, Layers, add_float_options, settle_layers
from conversion.operators.mapping import Trace
from conversion.tools.output import hushed, wants_tool_output
from lightning_plates.errors import ConversionError
from lightning_plates.files import read_bytes
from lightning_plates.optional import require
from lightning_plates.terminal.console import run_reporting

_WEIGHTED = frozenset({"Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul"})
_PRESETS = ("mixed", "performance")
_RANGES = {"minmax": "MINMAX", "average": "MEAN_MINMAX"}
"""How the ranges of several photos become one, and what NNCF calls it."""


@dataclass(frozen=True)
class OpenVinoConverter(Converter):
    """``.xml`` and ``.bin`` files of OpenVINO."""

    label, module, extra = "OpenVINO", "openvino", "openvino"
    precisions = ("fp32", "fp16", "int8")
    suffix, runtime = ".xml", "openvino"

    preset: str = "mixed"
    """``mixed``: unsigned activations where they fit; ``performance``: symmetric ones only."""
    across_photos: str = "minmax"
    """How the ranges of several photos become one: ``minmax`` or ``average``."""
    keep_float: tuple[str, ...] | None = None
    """Layers that INT8 leaves in float; ``None`` measures which of the last and first ones."""
    search: bool = False
    """Whether to measure every layer, not the outermost ones alone."""

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the kind of quantisation and the choice of float layers."""
        parser.add_argument("--preset", choices=_PRESETS, default="mixed", help="%(default)s")
        parser.add_argument(
            "--across-photos", choices=tuple(_RANGES), default="minmax",
            help="how the ranges of several photos become one (%(default)s)",
        )  # fmt: skip
        add_float_options(parser)

    def trace(self, model: Path) -> tuple[Trace, ...]:
        """Layers of the ``.xml`` file, which keep the names of the source's nodes and outputs."""
        try:
            graph = ElementTree.fromstring(read_bytes(model))
        except ElementTree.ParseError as error:
            raise ConversionError(f"{model}: not an OpenVINO file ({error})") from error
        layers = graph.iterfind("./layers/layer")
        return tuple(Trace(layer.get("type", ""), _source_names(layer)) for layer in layers)

    def _write(self, job: Job, draft: Path) -> Written:
        ov = require("openvino", extra=self.extra)
        if job.precision == "int8":
            model, details = self._quantised(job)
        else:
            model, details = _read(job.hub), {}
        ov.save_model(model, str(draft), compress_to_fp16=job.precision == "fp16")
        return Written(_count_operators(model), details)

    def _quantised(self, job: Job) -> tuple[Any, dict[str, Any]]:
        trial = job.scratch / "trial" / "trial.xml"

        def measure(kept: Layers) -> tuple[Parity, int]:
            ov = require("openvino", extra=self.extra)
            # NNCF measures the ranges anew for every choice: as many photos as are compared do.
            model = self._quantise(job, kept, SEARCH_PHOTOS)
            ov.save_model(model, str(trial), compress_to_fp16=False)
            return measure_trial(job, trial, self.runtime, job.hub.spec)

        layers = _layers(_read(job.hub))
        choice = settle_layers(layers, self.keep_float, measure, self.search)
        return self._quantise(job, choice.kept), choice.describe()

    def _quantise(  # the type of what it returns is openvino.Model
        self, job: Job, keep_float: Sequence[str], photos: int | None = None
    ) -> Any:  # noqa: ANN401
        """Quantise with the ranges of the first ``photos`` calibration photos; ``None``: all."""
        nncf = require("nncf", extra=self.extra)
        if not wants_tool_output():
            nncf.set_log_level(logging.ERROR)
        model = _read(job.hub)
        files = job.training_photos.files[:photos]
        batches = list(replace(job.training_photos, files=files).batches(job.hub.spec))
        with hushed():
            return nncf.quantize(
                model,
                nncf.Dataset(batches),
                preset=nncf.QuantizationPreset(self.preset),
                subset_size=len(batches),
                ignored_scope=nncf.IgnoredScope([*keep_float, *_decoding(model)], validate=False),
                advanced_parameters=self._ranges(),
            )

    def _ranges(self) -> Any:  # noqa: ANN401 -- nncf.AdvancedQuantizationParameters
        module = "nncf.quantization.range_estimator"
        known = require(module, extra=self.extra).RangeEstimatorParametersSet
        chosen = getattr(known, _RANGES[self.across_photos])
        nncf = require("nncf", extra=self.extra)
        return nncf.AdvancedQuantizationParameters(activations_range_estimator_params=chosen)


def _source_names(layer: ElementTree.Element) -> frozenset[str]:
    """A layer with a bias becomes two: the second has its name, the first this ending too."""
    ports = layer.iterfind("./output/port")
    outputs = (name for port in ports for name in port.get("names", "").split(","))
    name = layer.get("name", "").removesuffix("/WithoutBiases")
    return frozenset({name, *outputs} - {""})


def _read(hub: Hub) -> Any:  # noqa: ANN401 -- openvino.Model
    ov = require("openvino", extra="openvino")
    try:
        return ov.convert_model(str(hub.path))
    except RuntimeError as error:
        raise ConversionError(f"{hub.path}: OpenVINO cannot read it ({error})") from error


def _layers(model: Any) -> tuple[str, ...]:  # noqa: ANN401 -- openvino.Model
    """Names of the layers with weights, from input to output."""
    operations = model.get_ordered_ops()
    return tuple(op.get_friendly_name() for op in operations if op.get_type_name() in _WEIGHTED)


def _decoding(model: Any) -> list[str]:  # noqa: ANN401 -- openvino.Model
    """Nodes behind the last layers: they compute coordinates, which eight bits cannot hold."""
    wanted: set[str] = set()
    decoding = []
    for op in reversed(model.get_ordered_ops()):
        name = op.get_friendly_name()
        if op.get_type_name() in _WEIGHTED or name in wanted:
            inputs = (value.get_source_output().get_node() for value in op.inputs())
            wanted.update(node.get_friendly_name() for node in inputs)
        elif op.get_type_name() not in {"Result", "Constant", "Parameter"}:
            decoding.append(name)
    return decoding


def _count_operators(model: Any) -> dict[str, int]:  # noqa: ANN401 -- openvino.Model
    return dict(sorted(Counter(op.get_type_name() for op in model.get_ordered_ops()).items()))


if __name__ == "__main__":
    from conversion._script import run_converter

    sys.exit(run_reporting(lambda argv: run_converter("openvino", argv), sys.argv[1:]))
