"""ONNX hub → ONNX Runtime: ``python -m conversion.onnxruntime MODEL.onnx -o DIR``.

FP32 is the graph with ONNX Runtime's fusions done ahead; FP16 stores and computes in half
precision between float inputs and outputs; INT8 is static Q/DQ. ``--format ort`` writes any of
them in the mobile format, which a reduced build of ONNX Runtime reads.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from conversion._base import Converter, Job, Variant, Written
from conversion.graph.half import save_half
from conversion.graph.hub_file import count_operators, load_graph
from conversion.int8.keep_float import add_float_options
from conversion.int8.qdq import Quantiser, add_algorithm_option
from conversion.int8.qdq_search import write_quantised
from conversion.operators.mapping import Trace, read_nodes
from lightning_plates.errors import ConversionError
from lightning_plates.optional import require
from lightning_plates.terminal.console import run_reporting
from runtimes.onnxruntime import library_errors


@dataclass(frozen=True)
class OnnxRuntimeConverter(Converter):
    """Optimised, half-precision and quantised files of ONNX Runtime."""

    label, module, extra = "ONNX Runtime", "onnxruntime", "convert"
    precisions = ("fp32", "fp16", "int8")
    suffix, runtime, carries_spec = ".onnx", "onnxruntime", True
    max_opset: ClassVar[int] = 23
    variants = tuple(Variant(precision, ".ort", ("--format", "ort")) for precision in precisions)

    format: str = "onnx"
    """``onnx``, or ``ort``: the mobile format."""
    algorithm: str = "minmax"
    """How INT8 ranges are found."""
    keep_float: tuple[str, ...] | None = None
    """Layers that INT8 leaves in float; ``None`` measures which of the last and first ones."""
    search: bool = False
    """Whether to measure every layer, not the outermost ones alone."""

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare format, calibration and the choice of float layers."""
        parser.add_argument("--format", choices=("onnx", "ort"), default="onnx", help="%(default)s")
        add_algorithm_option(parser)
        add_float_options(parser)

    def file_suffix(self) -> str:
        """``.onnx`` or ``.ort``."""
        return f".{self.format}"

    def trace(self, model: Path) -> tuple[Trace, ...]:
        """Nodes of an optimised graph; the mobile format has no public reader."""
        if model.suffix != ".onnx":
            return ()
        return tuple(Trace(node.operator, node.names) for node in read_nodes(load_graph(model)))

    def _write(self, job: Job, draft: Path) -> Written:
        graph, details = job.scratch / "converted.onnx", {}
        if job.precision == "fp16":
            save_half(job.hub.path, graph)
        elif job.precision == "int8":
            details = self._save_quantised(job, graph)
        else:
            _optimise(job.hub.path, graph, "ENABLE_EXTENDED")
        operators = count_operators(load_graph(graph))
        if self.format == "ort":
            # Optimising on a CPU would turn half-precision weights back into float.
            _optimise(graph, draft, "DISABLE_ALL" if job.precision == "fp16" else "ENABLE_EXTENDED")
        else:
            shutil.copyfile(graph, draft)  # not moved: the two may lie in different file systems
        return Written(operators, details)

    def _save_quantised(self, job: Job, target: Path) -> dict[str, Any]:
        quantiser = Quantiser(job.hub, job.training_photos, self.algorithm, job.scratch)
        return write_quantised(job, quantiser, target, self.keep_float, self.search)


def _optimise(source: Path, target: Path, level: str) -> None:
    """Let ONNX Runtime fuse what it can, and save the graph in the format of ``target``.

    ``ENABLE_EXTENDED`` is one level below "all", whose memory layouts fit the CPU that made them.
    """
    ort = require("onnxruntime", extra="convert")
    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, f"ORT_{level}")
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 4  # fatal: errors come as exceptions too
    options.add_session_config_entry("session.save_model_format", target.suffix[1:].upper())
    try:
        ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    except library_errors(ort) as error:
        raise ConversionError(f"ONNX Runtime cannot optimise the graph ({error})") from error


if __name__ == "__main__":
    from conversion._script import run_converter

    sys.exit(run_reporting(lambda argv: run_converter("onnxruntime", argv), sys.argv[1:]))
