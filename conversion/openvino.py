"""ONNX hub → OpenVINO: ``python -m conversion.openvino MODEL.onnx -o DIR``.

FP16 stores half-precision weights; INT8 is NNCF's post-training quantisation.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conversion._base import Converter, Job, Written, measure_trial
from conversion._hub_file import Hub
from conversion._keep_float import Layers, add_float_options, choose_layers
from conversion._parity import Parity
from lightning_plates.console import run_reporting
from lightning_plates.errors import ConversionError, InputError
from lightning_plates.optional import require

_WEIGHTED = frozenset({"Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul"})
_PRESETS = ("mixed", "performance")


@dataclass(frozen=True)
class OpenVinoConverter(Converter):
    """``.xml`` and ``.bin`` files of OpenVINO."""

    label, module, extra = "OpenVINO", "openvino", "openvino"
    precisions = ("fp32", "fp16", "int8")
    suffix, runtime = ".xml", "openvino"

    preset: str = "mixed"
    """``mixed``: unsigned activations where they fit; ``performance``: symmetric ones only."""
    keep_float: tuple[str, ...] | None = None
    """Layers that INT8 leaves in float; ``None`` measures how many of the last ones to leave."""
    search: bool = False
    """Whether to measure every layer, not the last ones alone."""

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the kind of quantisation and the choice of float layers."""
        parser.add_argument("--preset", choices=_PRESETS, default="mixed", help="%(default)s")
        add_float_options(parser)

    def _write(self, job: Job, draft: Path) -> Written:
        ov = require("openvino", extra=self.extra)
        if job.precision == "int8":
            model, details = self._quantised(job)
        else:
            model, details = _read(job.hub), {}
        ov.save_model(model, str(draft), compress_to_fp16=job.precision == "fp16")
        return Written(_count_operators(model), details)

    def _quantised(self, job: Job) -> tuple[Any, dict[str, Any]]:
        if self.keep_float is not None:
            return self._quantise(job, self.keep_float), {"kept_float": list(self.keep_float)}
        trial = job.scratch / "trial" / "trial.xml"

        def measure(kept: Layers) -> tuple[Parity, int]:
            ov = require("openvino", extra=self.extra)
            ov.save_model(self._quantise(job, kept), str(trial), compress_to_fp16=False)
            return measure_trial(job, trial, self.runtime, job.hub.spec)

        trials = choose_layers(_layers(_read(job.hub)), measure, every_layer=self.search)
        facts = [trial.describe() for trial in trials]
        best = trials[0].kept
        return self._quantise(job, best), {"kept_float": list(best), "trials": facts}

    def _quantise(self, job: Job, keep_float: Sequence[str]) -> Any:  # noqa: ANN401 -- ov.Model
        nncf = require("nncf", extra=self.extra)
        nncf.set_log_level(logging.ERROR)
        model = _read(job.hub)
        layers = _layers(model)
        unknown = sorted(set(keep_float) - set(layers))
        if unknown:
            raise InputError(f"no layer {unknown[0]!r} (layers: {', '.join(layers)})")
        batches = list(job.training_photos.batches(job.hub.spec))
        return nncf.quantize(
            model,
            nncf.Dataset(batches),
            preset=nncf.QuantizationPreset(self.preset),
            subset_size=len(batches),
            ignored_scope=nncf.IgnoredScope(names=[*keep_float, *_decoding(model)], validate=False),
        )


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
