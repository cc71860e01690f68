"""Builds and times MetaSchedule's trials in this process.

TVM's own builder starts a Python process for every batch, and ``tvm_ffi`` imports PyTorch in each
where it is installed: seconds on a quiet machine, minutes on a busy one, and half a gigabyte each.
Nothing is linked here either: the machine code stays in memory. There is no time limit, for TVM
cannot be interrupted; every schedule of a function does the same finite work.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from conversion.tvm.target import Machine
from lightning_plates.optional import require

_RUNS, _REPEATS, _REPEAT_MS = 1, 3, 10
"""Of a trial; the best counts, for what else the machine does can only make it slower."""


class Trials:
    """Code of the batch that is being measured."""

    def __init__(self, machine: Machine) -> None:
        """Measure on ``machine``, which is this one."""
        self.machine = machine
        self._built: dict[str, Any] = {}
        self._arguments: dict[tuple[tuple[str, tuple[int, ...]], ...], list[Any]] = {}

    def compile(self, module: Any) -> str:  # noqa: ANN401 -- tvm.IRModule
        """Generate code of a trial and return the name under which :meth:`measure` finds it."""
        tvm = require("tvm", extra="tvm")
        name = f"trial {len(self._built)}"
        self._built[name] = tvm.compile(module, target=self.machine.target)
        return name

    def measure(self, name: str, specs: list[tuple[str, tuple[int, ...]]]) -> float:
        """Seconds of a run of a trial, which is forgotten.

        Args:
            name: Of :meth:`compile`.
            specs: Type and shape of its arguments.
        """
        key = tuple(specs)
        if key not in self._arguments:
            self._arguments = {key: make_arguments(specs)}
        return time_function(self._built.pop(name), self._arguments[key])


def time_function(built: Any, arguments: list[Any]) -> float:  # noqa: ANN401 -- tvm.runtime.Executable
    """Seconds of a run of ``main``: the best of a few."""
    tvm = require("tvm", extra="tvm")
    timer = built.mod.time_evaluator(
        "main", tvm.cpu(), number=_RUNS, repeat=_REPEATS, min_repeat_ms=_REPEAT_MS
    )
    return float(min(timer(*arguments).results))


def describe_arguments(infos: Any) -> list[tuple[str, tuple[int, ...]]]:  # noqa: ANN401 -- MetaSchedule's
    """Type and shape of what MetaSchedule says that a function takes."""
    return [(str(one.dtype), tuple(map(int, one.shape))) for one in infos]


def make_arguments(specs: list[tuple[str, tuple[int, ...]]]) -> list[Any]:
    """Random tensors on the processor of types and shapes."""
    tvm = require("tvm", extra="tvm")
    rng = np.random.default_rng(0)
    return [tvm.runtime.tensor(rng.uniform(0, 4, shape).astype(dtype)) for dtype, shape in specs]


def make_builder(trials: Trials) -> Any:  # noqa: ANN401 -- a MetaSchedule builder
    """What MetaSchedule gives its trials to."""
    builder = require("tvm.s_tir.meta_schedule.builder", extra="tvm")

    def build(self: object, build_inputs: Any) -> list[Any]:  # noqa: ANN401 -- MetaSchedule's
        return [_build(trials, one.mod) for one in build_inputs]

    def _build(trials: Trials, module: Any) -> Any:  # noqa: ANN401 -- MetaSchedule's
        try:
            return builder.BuilderResult(trials.compile(module), None)
        except (RuntimeError, ValueError, TypeError) as error:
            return builder.BuilderResult(None, str(error))

    return _derive("Builder", builder.PyBuilder, "build", build)


def make_runner(trials: Trials) -> Any:  # noqa: ANN401 -- a MetaSchedule runner
    """What MetaSchedule lets time what :func:`make_builder` made."""
    runner = require("tvm.s_tir.meta_schedule.runner", extra="tvm")

    def run(self: object, runner_inputs: Any) -> list[Any]:  # noqa: ANN401 -- MetaSchedule's
        return [_future(runner, _run(trials, one)) for one in runner_inputs]

    def _run(trials: Trials, one: Any) -> Any:  # noqa: ANN401 -- MetaSchedule's
        specs = describe_arguments(one.args_info)
        try:
            return runner.RunnerResult([trials.measure(str(one.artifact_path), specs)], None)
        except (RuntimeError, ValueError, TypeError) as error:
            return runner.RunnerResult(None, str(error))

    return _derive("Runner", runner.PyRunner, "run", run)


def _future(runner: Any, result: Any) -> Any:  # noqa: ANN401 -- MetaSchedule's
    return runner.RunnerFuture(f_done=lambda: True, f_result=lambda: result)


def _derive(name: str, base: type, method: str, function: Any) -> Any:  # noqa: ANN401 -- MetaSchedule's
    """An object of a subclass whose method of that name MetaSchedule calls."""
    utilities = require("tvm.ir.utils", extra="tvm")
    return utilities.derived_object(type(name, (base,), {method: function}))()
