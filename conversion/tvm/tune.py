"""MetaSchedule: tries schedules on this machine and keeps the fast ones in a folder.

The folder can be used again: later runs go on from what it holds, and other conversions of the
same network for the same processor take from it. A tuned schedule replaces ours only where it is
faster when both are measured side by side.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from conversion.tvm.target import Machine
from conversion.tvm.trials import (
    Trials,
    describe_arguments,
    make_arguments,
    make_builder,
    make_runner,
    time_function,
)
from lightning_plates.locking import hold_folder
from lightning_plates.optional import require
from lightning_plates.terminal.console import Terminated

_BATCHES = (4, 16)
"""Trials that are built and measured together, and can be lost together; few if few are asked for,
since every kernel gets one batch before any gets a second."""
_POPULATION, _GENERATIONS = 48, 2
"""Of the search between batches; TVM's 512 and 4 take longer than the measuring."""
WORTH_TAKING = 0.95
"""Share of the time of our schedule below which a tuned one is taken: less is noise."""
_LOGGER = "tvm.s_tir.meta_schedule"


@dataclass(frozen=True, slots=True)
class Choice:
    """What tuning changed."""

    module: Any
    """The module with the tuned functions that are faster than ours."""
    recorded: int
    """Functions with a tuned schedule in the folder."""
    taken: int
    """Those of them that were faster."""


def database_folder(folder: Path, machine: Machine) -> Path:
    """The part of a tuning folder that belongs to one processor."""
    digest = hashlib.sha256(str(machine.target).encode()).hexdigest()
    return folder / digest[:12]


def tune(module: Any, machine: Machine, trials: int, folder: Path) -> None:  # noqa: ANN401 -- tvm.IRModule
    """Try schedules; what was measured is on the disk after every batch.

    Args:
        module: The lowered network, without schedules.
        machine: This machine.
        trials: Number of schedules to try.
        folder: Of :func:`database_folder`; it is made if it is not there.

    Raises:
        OutputError: Another process tunes into it; both would also measure each other.
    """
    integration = require("tvm.s_tir.meta_schedule.relax_integration", extra="tvm")
    schedule = require("tvm.s_tir.meta_schedule", extra="tvm")
    _load_intrinsics()
    measured = Trials(machine)
    logging.getLogger(_LOGGER).setLevel(logging.ERROR)
    with hold_folder(folder), _stoppable() as pressed:
        integration.tune_relax(
            module,
            {},
            machine.target,
            str(folder),
            max_trials_global=trials,
            num_trials_per_iter=min(max(trials // 32, _BATCHES[0]), _BATCHES[1]),
            builder=make_builder(measured),
            runner=make_runner(measured),
            measure_callbacks=[
                schedule.measure_callback.AddToDatabase(),
                schedule.measure_callback.UpdateCostModel(),
                _progress(trials, pressed),
            ],
            strategy=schedule.search_strategy.EvolutionarySearch(
                population_size=_POPULATION, genetic_num_iters=_GENERATIONS
            ),
            seed=0,
        )


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """Let Ctrl-C and SIGTERM end tuning behind the batch: TVM crashes if one is raised amid it.

    After Ctrl-C the conversion goes on with what was found; SIGTERM ends it then.
    """
    pressed, terminated = threading.Event(), threading.Event()

    def stop(number: int, _frame: object) -> None:
        pressed.set()
        if number == signal.SIGTERM:
            terminated.set()
        print("\ntuning stops after this batch", file=sys.stderr, flush=True)

    if threading.current_thread() is not threading.main_thread():
        yield pressed
        return
    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield pressed
    except (KeyboardInterrupt, RuntimeError):  # TVM makes the one of the other
        if not pressed.is_set():
            raise
        print("\ntuning stopped; what was found is kept", file=sys.stderr)
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    if terminated.is_set():
        raise Terminated


def _load_intrinsics() -> None:
    """Import the special instructions, which MetaSchedule does else, a hundred times slower.

    TVM walks the whole stack for each, to see whether it is written inside a class; none is. With
    PyTorch's thousands of modules loaded that takes minutes.
    """
    with mock.patch.object(inspect, "stack", return_value=[]):
        require("tvm.s_tir.tensor_intrin", extra="tvm")


def take_faster(module: Any, ours: Any, machine: Machine, folder: Path) -> Choice:  # noqa: ANN401 -- tvm.IRModule
    """Replace our schedules by tuned ones, function by function, where those are faster.

    Args:
        module: The lowered network, without schedules.
        ours: The same with ours.
        machine: This machine.
        folder: Of :func:`database_folder`.
    """
    tvm = require("tvm", extra="tvm")
    database = _open_database(folder)
    if database is None:
        return Choice(ours, 0, 0)
    functions = dict(ours.functions_items())
    recorded = taken = 0
    for variable, function in module.functions_items():
        tuned = _tuned(database, function, variable.name_hint, machine)
        if tuned is None:
            continue
        recorded += 1
        mine = ours[variable.name_hint]
        if _seconds(tuned, machine) < WORTH_TAKING * _seconds(mine, machine):
            taken += 1
            own = next(key for key in functions if key.name_hint == variable.name_hint)
            functions[own] = tuned
    return Choice(tvm.IRModule(functions, attrs=ours.attrs), recorded, taken)


def _open_database(folder: Path) -> Any | None:  # noqa: ANN401 -- a MetaSchedule database
    schedule = require("tvm.s_tir.meta_schedule", extra="tvm")
    if not (folder / "database_workload.json").exists():
        return None
    return schedule.database.JSONDatabase(work_dir=str(folder))


def _tuned(database: Any, function: Any, name: str, machine: Machine) -> Any | None:  # noqa: ANN401 -- MetaSchedule database, PrimFunc
    tvm = require("tvm", extra="tvm")
    if not isinstance(function, tvm.tirx.PrimFunc):
        return None
    # Records are found by the whole function, in the form in which tuning stores it.
    alone = tvm.get_global_func("tvm.s_tir.meta_schedule.normalize_mod")(function)
    found = database.query_schedule(alone, machine.target, name)
    if found is None:
        return None
    tuned = found.mod["main"].with_attr("tirx.is_scheduled", True)
    # Several functions called "main" cannot be linked.
    named = "global_symbol" in function.attrs
    return tuned if named else tuned.without_attr("global_symbol")


def _seconds(function: Any, machine: Machine) -> float:  # noqa: ANN401 -- PrimFunc
    """The best of a few runs: what else the machine does can only make them slower."""
    tvm = require("tvm", extra="tvm")
    alone = tvm.IRModule({"main": function.with_attr("global_symbol", "main")})
    built = tvm.compile(alone, target=machine.target)
    infos = require("tvm.s_tir.meta_schedule.arg_info", extra="tvm")
    specs = describe_arguments(infos.ArgInfo.from_prim_func(function))
    return time_function(built, make_arguments(specs))


def _progress(trials: int, pressed: threading.Event) -> Any:  # noqa: ANN401 -- a MeasureCallback
    """A callback of MetaSchedule that writes a line after every batch, and ends if asked to."""
    schedule = require("tvm.s_tir.meta_schedule", extra="tvm")
    utilities = require("tvm.ir.utils", extra="tvm")
    counted = {"done": 0, "failed": 0}

    def apply(
        self: object,
        task_scheduler: Any,  # noqa: ANN401 -- MetaSchedule's
        task_id: int,
        measure_candidates: Any,  # noqa: ANN401 -- MetaSchedule's
        builder_results: Any,  # noqa: ANN401 -- MetaSchedule's
        runner_results: Any,  # noqa: ANN401 -- MetaSchedule's
    ) -> None:
        counted["done"] += len(runner_results)
        counted["failed"] += sum(result.error_msg is not None for result in runner_results)
        task = task_scheduler.tasks_[task_id].ctx.task_name
        print(
            f"tuning: {counted['done']} of {trials} trials, {counted['failed']} failed; {task}",
            file=sys.stderr,
            flush=True,
        )
        if pressed.is_set():
            raise KeyboardInterrupt

    # MetaSchedule calls the method of that name of a subclass.
    base = schedule.measure_callback.PyMeasureCallback
    return utilities.derived_object(type("Progress", (base,), {"apply": apply}))()
