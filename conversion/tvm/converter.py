"""ONNX hub → TVM: ``python -m conversion.tvm MODEL.onnx -o DIR``.

The network becomes machine code for one processor. FP16 stores half precision and sums in float32;
INT8 multiplies integers. ``--tune TRIALS`` lets MetaSchedule look for faster code on this machine.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from conversion._base import Converter, Job, Written
from conversion.graph.folding import save_folded
from conversion.int8.keep_float import add_float_options
from conversion.int8.qdq import Quantiser, add_algorithm_option
from conversion.int8.qdq_search import write_quantised
from conversion.tvm import tune
from conversion.tvm.build import add_schedules, write_library
from conversion.tvm.graph import count_operators, lower, put_channels_last, read_network
from conversion.tvm.target import HOST, Machine, find_machine
from lightning_plates.errors import InputError
from lightning_plates.optional import require
from runtimes import Runtime, open_model
from runtimes._base import Specs


@dataclass(frozen=True)
class TvmConverter(Converter):
    """``.so`` libraries of TVM, batch of one."""

    label, module, extra = "TVM", "tvm", "tvm"
    precisions = ("fp32", "fp16", "int8")
    suffix, runtime = ".so", "tvm"

    target: str | None = None
    """What code is generated for; ``None``: what ``--device`` names, or else this processor."""
    cc: str | None = None
    """Command of the C compiler that links; ``None`` looks for one."""
    tune: int = 0
    """Schedules that MetaSchedule tries."""
    tune_database: Path | None = None
    """Folder of what tuning found, to go on from and to take from."""
    algorithm: str = "minmax"
    """How INT8 ranges are found."""
    keep_float: tuple[str, ...] | None = None
    """Layers that INT8 leaves in float; ``None`` measures which of the last and first ones."""
    search: bool = False
    """Whether to measure every layer, not the outermost ones alone."""

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare target, linker, tuning and the INT8 options."""
        parser.add_argument(
            "--target",
            help="host, cuda, x86_64, aarch64, jetson-nano-cpu, jetson-orin-cpu, a tag of TVM such "
            "as nvidia/jetson-orin-nano, or a target as JSON (default: by --device)",
        )
        parser.add_argument("--cc", metavar="COMMAND", help="C compiler that links the library")
        parser.add_argument(
            "--tune", type=int, default=0, metavar="TRIALS",
            help="schedules that MetaSchedule tries on this machine (%(default)s)",
        )  # fmt: skip
        parser.add_argument(
            "--tune-database", type=Path, metavar="DIR",
            help="folder of what tuning found; used again and added to",
        )  # fmt: skip
        add_algorithm_option(parser)
        add_float_options(parser)

    def tool_version(self) -> str:
        """The packages that generate code."""
        return f"apache-tvm {require('tvm', extra=self.extra).__version__}"

    def option_values(self) -> dict[str, Any]:
        """Value by option; the folder of tuning is named without where it lies."""
        folder = self.tune_database
        return {**super().option_values(), "tune_database": folder and folder.name}

    def file_suffix(self) -> str:
        """``.so``; code for another machine says for which."""
        if self.target in {None, HOST, "cuda"}:
            return self.suffix
        return f".{find_machine(str(self.target)).slug}{self.suffix}"

    def answers_in(self, draft: Path) -> tuple[Path, str]:
        """The library itself, or the one for this processor beside that for another machine."""
        twin = _twin(draft)
        return (twin if twin.exists() else draft), self.runtime

    def check_options(self, precision: str, calibrated: bool) -> None:
        """Refuse options of other kinds too; see :meth:`Converter.check_options`."""
        if self.tune < 0:
            raise InputError(f"--tune is {self.tune}, expected 0 or more")
        if self.tune and self.tune_database is None:
            raise InputError("--tune needs a folder for what it finds: --tune-database DIR")
        if self.tune and self.target not in {None, HOST}:
            raise InputError(
                f"--tune measures on this machine and cannot for --target {self.target}: "
                "run the conversion on the board itself, with --target host"
            )
        super().check_options(precision, calibrated)

    def _write(self, job: Job, draft: Path) -> Written:
        machine = find_machine(self.target or ("cuda" if job.device == "cuda" else HOST))
        source = save_folded(job.hub, job.scratch / "folded.onnx")
        details: dict[str, Any] = {"machine": machine.describe()}
        if job.precision == "int8":
            source, choice = self._quantise(job, source)
            details |= choice
        network = put_channels_last(read_network(source, job.precision))
        lowered, tuning = self._schedule(network, machine)
        tensors = _tensors(job)
        write_library(lowered, machine, tensors, draft, self.cc)
        if not machine.runs_here:
            here = find_machine(HOST)
            twin = _twin(draft)
            write_library(self._schedule(network, here)[0], here, tensors, twin)
            _write_spec(job, twin)
            details["compared"] = f"{twin.name}, the same network; {draft.name} itself was not run"
        return Written(count_operators(network), {**details, **tuning})

    def _quantise(self, job: Job, folded: Path) -> tuple[Path, dict[str, Any]]:
        """The Q/DQ file; ONNX Runtime computes what it computes, and tries choices faster."""
        quantiser = Quantiser(
            replace(job.hub, path=folded), job.training_photos, self.algorithm, job.scratch
        )
        target = job.scratch / "quantised.onnx"
        return target, write_quantised(job, quantiser, target, self.keep_float, self.search)

    def _schedule(self, network: Any, machine: Machine) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401 -- tvm.IRModule
        lowered = lower(network, machine.target)
        ours = add_schedules(lowered, machine)
        if self.tune_database is None or machine.name != HOST:
            return ours, {}
        folder = tune.database_folder(self.tune_database, machine)
        if self.tune:
            tune.tune(lowered, machine, self.tune, folder)
        choice = tune.take_faster(lowered, ours, machine, folder)
        facts = {"functions_tuned": choice.recorded, "functions_faster": choice.taken}
        return choice.module, {"tuning": facts}


def _twin(draft: Path) -> Path:
    """The library for this processor beside one for another machine."""
    return draft.with_name(f"{draft.stem}.here{draft.suffix}")


def _write_spec(job: Job, model: Path) -> None:
    sidecar = model.with_name(model.name + Runtime.SPEC_SUFFIX)
    sidecar.write_text(job.hub.spec.to_json() + "\n", encoding="utf-8")


def _tensors(job: Job) -> tuple[Specs, Specs]:
    """Inputs and outputs of the hub for a batch of one."""
    with open_model(job.hub.path, runtime="onnxruntime") as hub:
        blank = np.zeros((1, *job.hub.spec.input_shape[1:]), dtype=np.float32)
        answer = hub.run({job.hub.spec.input_name: blank})
        inputs = tuple(replace(tensor, shape=blank.shape) for tensor in hub.inputs)
        outputs = tuple(replace(tensor, shape=answer[tensor.name].shape) for tensor in hub.outputs)
    return inputs, outputs
