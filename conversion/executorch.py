"""ONNX hub → ExecuTorch: ``python -m conversion.executorch MODEL.onnx -o DIR``.

The hub's graph is rebuilt in PyTorch, and XNNPACK takes all of it that it can. INT8 is PT2E
quantisation with XNNPACK's quantiser: int8 weights per channel, int8 activations.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conversion._base import Converter, Job, Written, measure_trial
from conversion.gate.parity import Parity
from conversion.graph.folding import save_folded
from conversion.int8.keep_float import Layers, add_float_options, settle_layers
from lightning_plates.errors import ConversionError
from lightning_plates.optional import require
from lightning_plates.terminal.console import run_reporting

ALGORITHMS = ("minmax", "histogram")
"""How activation ranges are found, the default one first."""
_WEIGHTED = frozenset({"aten.conv2d.default", "aten.linear.default"})


@dataclass(frozen=True)
class ExecuTorchConverter(Converter):
    """``.pte`` files of ExecuTorch for XNNPACK, batch of one."""

    label, module, extra = "ExecuTorch", "executorch", "executorch"
    precisions = ("fp32", "int8")
    suffix, runtime = ".pte", "executorch"

    algorithm: str = ALGORITHMS[0]
    """How INT8 ranges are found."""
    keep_float: tuple[str, ...] | None = None
    """Layers that INT8 leaves in float; ``None`` measures which of the last and first ones."""
    search: bool = False
    """Whether to measure every layer, not the outermost ones alone."""

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the calibration and the choice of float layers."""
        parser.add_argument(
            "--algorithm", choices=ALGORITHMS, default=ALGORITHMS[0],
            help="how INT8 ranges are found (%(default)s)",
        )  # fmt: skip
        add_float_options(parser)

    def check_tool(self) -> None:
        """Make sure that ExecuTorch and torch are there."""
        require("torch", extra=self.extra)
        super().check_tool()

    def _write(self, job: Job, draft: Path) -> Written:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's about its own parts
            program = _export(job)
            if job.precision == "fp32":
                return Written(_lower(program, job, draft))
            return self._write_int8(job, program, draft)

    def _write_int8(self, job: Job, program: Any, draft: Path) -> Written:  # noqa: ANN401
        layers = _layers(program)

        def write(kept: Layers, target: Path) -> dict[str, int]:
            return _lower(self._quantise(job, program, kept), job, target)

        def measure(kept: Layers) -> tuple[Parity, int]:
            trial = job.scratch / "trial" / "trial.pte"
            trial.parent.mkdir(exist_ok=True)
            write(kept, trial)
            return measure_trial(job, trial, self.runtime, job.hub.spec)

        choice = settle_layers(layers, self.keep_float, measure, self.search)
        return Written(write(choice.kept, draft), choice.describe())

    def _quantise(self, job: Job, program: Any, kept: Sequence[str]) -> Any:  # noqa: ANN401 -- torch.export.ExportedProgram
        torch = require("torch", extra=self.extra)
        pt2e = require("torchao.quantization.pt2e.quantize_pt2e", extra=self.extra)
        graph = program.module()
        prepared = pt2e.prepare_pt2e(graph, _quantiser(self.algorithm, _in_float(program, kept)))
        with torch.inference_mode():
            for batch in job.training_photos.batches(job.hub.spec):
                prepared(torch.from_numpy(batch))
        quantised = pt2e.convert_pt2e(prepared)
        return torch.export.export(quantised, (torch.zeros(job.hub.spec.input_shape),))


def _export(job: Job) -> Any:  # noqa: ANN401 -- torch.export.ExportedProgram
    from conversion.graph.torch_module import load_module

    torch = require("torch", extra="executorch")
    module = load_module(job.hub, save_folded(job.hub, job.scratch / "folded.onnx"))
    return torch.export.export(module, (torch.zeros(job.hub.spec.input_shape),))


def _lower(program: Any, job: Job, target: Path) -> dict[str, int]:  # noqa: ANN401
    """Write ``program`` and count the operators in it; those of XNNPACK by its own names."""
    exir = require("executorch.exir", extra="executorch")
    backend = "executorch.backends.xnnpack.partition.xnnpack_partitioner"
    partitioner = require(backend, extra="executorch").XnnpackPartitioner()
    try:
        edge = exir.to_edge_transform_and_lower(program, partitioner=[partitioner])
        target.write_bytes(edge.to_executorch().buffer)
    except (RuntimeError, exir.error.ExportError) as error:
        reason = " ".join(str(error).split())
        raise ConversionError(f"{job.hub.path}: ExecuTorch cannot lower it ({reason})") from error
    return _count_operators(edge.exported_program())


def _count_operators(program: Any) -> dict[str, int]:  # noqa: ANN401
    """Of the graph: what XNNPACK took as ``xnnpack::NAME``, the others by their own names."""
    found: Counter[str] = Counter()
    for node in program.graph.nodes:
        if node.op == "call_function" and "executorch_call_delegate" in str(node.target):
            inside = getattr(program.graph_module, node.args[0].target).original_module
            found.update(f"xnnpack::{name}" for name in _names(inside))
    found.update(name for name in _names(program) if "delegate" not in name and name != "getitem")
    return dict(sorted(found.items()))


def _names(program: Any) -> list[str]:  # noqa: ANN401
    calls = (node for node in program.graph.nodes if node.op == "call_function")
    return [getattr(node.target, "__name__", str(node.target)) for node in calls]


def _layers(program: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Names of the layers with weights, from input to output."""
    return tuple(node.name for node in program.graph.nodes if str(node.target) in _WEIGHTED)


def _in_float(program: Any, kept: Sequence[str]) -> set[str]:  # noqa: ANN401
    """Names of the layers ``kept`` and of what computes coordinates behind the last ones."""
    wanted: set[str] = set()
    found = set(kept)
    for node in reversed(program.graph.nodes):
        if str(node.target) in _WEIGHTED or node.name in wanted:
            wanted.update(source.name for source in node.all_input_nodes)
        elif node.op == "call_function":
            found.add(node.name)
    return found


def _quantiser(algorithm: str, in_float: set[str]) -> Any:  # noqa: ANN401 -- XNNPACKQuantizer
    xnnpack = require("executorch.backends.xnnpack.quantizer.xnnpack_quantizer", extra="executorch")
    config = xnnpack.get_symmetric_quantization_config(is_per_channel=True)
    if algorithm == "minmax":
        config = _with_min_max(config)
    quantiser = xnnpack.XNNPACKQuantizer().set_global(config)
    return quantiser.set_filter_function(lambda node: node.name not in in_float)


def _with_min_max(config: Any) -> Any:  # noqa: ANN401 -- QuantizationConfig
    observer = require("torchao.quantization.pt2e.observer", extra="executorch")
    smallest = 2**-12  # scale, as in the quantiser's own configuration
    activation = dataclasses.replace(
        config.input_activation,
        observer_or_fake_quant_ctr=observer.MinMaxObserver.with_args(eps=smallest),
    )
    return dataclasses.replace(config, input_activation=activation, output_activation=activation)


if __name__ == "__main__":
    from conversion._script import run_converter

    sys.exit(run_reporting(lambda argv: run_converter("executorch", argv), sys.argv[1:]))
