"""ONNX hub → ncnn, through pnnx: ``python -m conversion.ncnn MODEL.onnx -o DIR``.

FP16 stores half-precision weights and computes with them where the processor can. There is no INT8:
its tools ``ncnn2table`` and ``ncnn2int8`` are in neither wheel (docs/mobile.md).
"""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from conversion._base import Converter, Job, Written
from conversion.graph.folding import save_folded
from conversion.graph.hub_file import Hub, load_graph
from lightning_plates.errors import ConversionError
from lightning_plates.optional import require
from lightning_plates.terminal.console import run_reporting
from runtimes._ncnn_graph import Layer, read_layers, write_layers


class NcnnConverter(Converter):
    """``.ncnn.param`` and ``.ncnn.bin`` files of ncnn, batch of one."""

    label, module, extra = "ncnn", "pnnx", "ncnn"
    precisions = ("fp32", "fp16")
    suffix, runtime = ".param", "ncnn"

    def check_tool(self) -> None:
        """Make sure that pnnx and the runtime that compares are there."""
        super().check_tool()
        require("ncnn", extra=self.extra)

    def file_suffix(self) -> str:
        """``.ncnn.param``, whose ``.ncnn.bin`` is not mistaken for OpenVINO's ``.bin``."""
        return f".ncnn{self.suffix}"

    def _write(self, job: Job, draft: Path) -> Written:
        graph = save_folded(job.hub, job.scratch / "model.onnx")
        _run_pnnx(graph, half=job.precision == "fp16")
        written = graph.with_suffix(".ncnn.param")
        if not written.exists():
            raise ConversionError(f"{job.hub.path}: pnnx wrote no ncnn file")
        layers = _with_names(read_layers(written), job.hub)
        _require_known(layers, job.hub)
        write_layers(layers, draft)
        # Not moved: the two may lie in different file systems.
        shutil.copyfile(written.with_suffix(".bin"), draft.with_suffix(".bin"))
        return Written(dict(sorted(Counter(layer.kind for layer in layers).items())))


def _run_pnnx(graph: Path, half: bool) -> None:
    """Convert ``graph``; everything that pnnx writes lies beside it.

    Raises:
        ConversionError: It failed; the message ends with its last line.
    """
    program = require("pnnx", extra="ncnn").EXEC_PATH
    command = [program, str(graph), f"fp16={int(half)}"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines()
        reason = lines[-1] if lines else f"exit status {done.returncode}"
        raise ConversionError(f"pnnx failed: {reason}")


def _with_names(layers: list[Layer], hub: Hub) -> list[Layer]:
    """Give input and outputs the hub's names, and the input its size."""
    names = {"in0": hub.spec.input_name}
    names.update({f"out{i}": name for i, name in enumerate(_output_names(hub))})
    renamed = [layer.renamed(lambda blob: names.get(blob, blob)) for layer in layers]
    channels, height, width = hub.spec.input_shape[1:]
    size = {"0": str(width), "1": str(height), "2": str(channels)}
    return [
        dataclasses.replace(layer, params=size) if layer.kind == "Input" else layer
        for layer in renamed
    ]


def _output_names(hub: Hub) -> list[str]:
    return [output.name for output in load_graph(hub.path).graph.output]


def _require_known(layers: list[Layer], hub: Hub) -> None:
    """What pnnx cannot translate it leaves in the file under PyTorch's or its own name."""
    foreign = sorted({layer.kind for layer in layers if not layer.kind.isalnum()})
    if foreign:
        raise ConversionError(f"{hub.path}: ncnn has no layer for {', '.join(foreign)}")


if __name__ == "__main__":
    from conversion._script import run_converter

    sys.exit(run_reporting(lambda argv: run_converter("ncnn", argv), sys.argv[1:]))
