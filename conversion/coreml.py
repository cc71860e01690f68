"""ONNX hub → Core ML: ``python -m conversion.coreml MODEL.onnx -o DIR``.

The hub's graph is rebuilt in PyTorch, traced and translated. FP16 stores and computes in half
precision between float32 input and outputs; INT8 is linear quantisation of the weights, one scale a
channel, while values stay in float. Core ML runs on Apple's systems only: elsewhere the package is
read back and its program computed by PyTorch in float32, and the manifest says so.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conversion._base import Converter, Job, Written, measure_trial
from conversion.gate.parity import Parity
from conversion.graph.folding import save_folded
from conversion.int8.keep_float import Layers, add_float_options, settle_layers
from conversion.tools.output import hushed
from lightning_plates.errors import ConversionError
from lightning_plates.optional import require
from lightning_plates.tasks import task_of
from lightning_plates.terminal.console import run_reporting
from runtimes._coremltools import load_coremltools

_NOT_RUN = (
    "the package's program, computed by PyTorch in float32 (device reference); "
    "Core ML itself did not run it"
)
_FEW = 8192
"""Layers with no more weights stay in float: the first and the narrow ones, 1 % of the weights of
the thesis' MobileNetV2 and less of VGG16. They raise the IoU with the hub from 0.85 to 0.92 and
from 0.87 to 0.96 (weights rounded in PyTorch, 16 training photos)."""


@dataclass(frozen=True)
class CoreMlConverter(Converter):
    """``.mlpackage`` folders of Core ML (iOS 16, macOS 13 and later), batch of one."""

    label, module, extra = "Core ML", "coremltools", "coreml"
    precisions = ("fp32", "fp16", "int8")
    suffix, runtime = ".mlpackage", "coreml"

    keep_float: tuple[str, ...] | None = None
    """Layers that INT8 leaves in float; ``None`` measures which of the last and first ones."""
    search: bool = False
    """Whether to measure every layer, not the outermost ones alone."""

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the choice of float layers."""
        add_float_options(parser)

    def check_tool(self) -> None:
        """Make sure that coremltools and torch are there."""
        require("torch", extra=self.extra)
        with hushed():
            load_coremltools()

    def calibrates(self, precision: str) -> bool:
        """Where photos choose the layers that stay in float; weights alone are quantised."""
        return precision == "int8" and self.keep_float is None

    def usual_device(self) -> str | None:
        """``reference`` where there is no Core ML."""
        return None if sys.platform == "darwin" else "reference"

    def _write(self, job: Job, draft: Path) -> Written:
        from runtimes._coreml_reference import Program

        details: dict[str, Any] = {"compared": _NOT_RUN} if job.device == "reference" else {}
        with warnings.catch_warnings(), hushed():
            warnings.simplefilter("ignore")  # of torch's and coremltools' about their own parts
            model = _translate(job)
            model.save(str(draft))
            if job.precision == "int8":
                layers = Program(draft).layers()
                shutil.rmtree(draft)
                details |= self._write_int8(job, model, layers, draft)
            return Written(Program(draft).count_operators(), details)

    def _write_int8(
        self,
        job: Job,
        model: Any,  # noqa: ANN401 -- coremltools.models.MLModel
        layers: Layers,
        draft: Path,
    ) -> dict[str, Any]:
        """Write ``model`` with weights in eight bits; what the manifest says of the layers."""

        def measure(kept: Layers) -> tuple[Parity, int]:
            with tempfile.TemporaryDirectory(dir=job.scratch) as folder:
                trial = Path(folder) / f"trial{self.suffix}"
                _with_int8_weights(model, kept).save(str(trial))
                return measure_trial(job, trial, self.runtime, job.hub.spec)

        choice = settle_layers(layers, self.keep_float, measure, self.search)
        _with_int8_weights(model, choice.kept).save(str(draft))
        return choice.describe()


def _translate(job: Job) -> Any:  # noqa: ANN401 -- coremltools.models.MLModel
    from conversion.graph.torch_module import load_module

    ct = load_coremltools()
    torch = require("torch", extra="coreml")
    spec = job.hub.spec
    module = load_module(job.hub, save_folded(job.hub, job.scratch / "folded.onnx"))
    traced = torch.jit.trace(module, torch.zeros(spec.input_shape))
    precision = ct.precision.FLOAT16 if job.precision == "fp16" else ct.precision.FLOAT32
    try:
        return ct.convert(
            traced,
            inputs=[ct.TensorType(spec.input_name, shape=spec.input_shape, dtype=np.float32)],
            outputs=[ct.TensorType(name, dtype=np.float32) for name in task_of(spec).outputs(spec)],
            convert_to="mlprogram",
            compute_precision=precision,
            minimum_deployment_target=ct.target.iOS16,  # the first with compressed weights
            skip_model_load=True,
        )
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConversionError(
            f"{job.hub.path}: coremltools cannot convert it ({reason})"
        ) from error


def _with_int8_weights(model: Any, kept: Layers) -> Any:  # noqa: ANN401 -- coremltools.models.MLModel
    """A copy of ``model`` whose weights, but those of the layers ``kept``, have eight bits."""
    optimise = require("coremltools.optimize.coreml", extra="coreml")
    every = optimise.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=_FEW)
    config = optimise.OptimizationConfig(
        global_config=every, op_name_configs=dict.fromkeys(kept) or None
    )
    return optimise.linear_quantize_weights(model, config=config)


if __name__ == "__main__":
    from conversion._script import run_converter

    sys.exit(run_reporting(lambda argv: run_converter("coreml", argv), sys.argv[1:]))
