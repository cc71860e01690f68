"""ONNX hub → ONNX Runtime: ``python -m conversion.onnxruntime MODEL.onnx -o DIR``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from conversion._base import Converter, Job, Written
from conversion._hub_file import count_operators, load_graph
from lightning_plates.console import run_reporting
from lightning_plates.optional import require


@dataclass(frozen=True)
class OnnxRuntimeConverter(Converter):
    """Optimised, half-precision and quantised ``.onnx`` files."""

    label, module, extra = "ONNX Runtime", "onnxruntime", "convert"
    precisions = ("fp32",)
    suffix, runtime, carries_spec, max_opset = ".onnx", "onnxruntime", True, 23

    def _write(self, job: Job, draft: Path) -> Written:
        ort = require("onnxruntime", extra=self.extra)
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.optimized_model_filepath = str(draft)
        options.log_severity_level = 3
        ort.InferenceSession(str(job.hub.path), options, providers=["CPUExecutionProvider"])
        return Written(count_operators(load_graph(draft)))


if __name__ == "__main__":
    from conversion._script import run_converter

    sys.exit(run_reporting(lambda argv: run_converter("onnxruntime", argv), sys.argv[1:]))
