"""MetaSchedule: tries schedules on this machine and keeps the fast ones in a folder.

The folder can be used again: later runs go on from what it holds, and other conversions of the
same network for the same processor take from it. A tuned schedule replaces ours only where it is
faster when both are measured side by side.
"""

from __future__ import annotations

import hashlib
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conversion._tvm_target import Machine
from lightning_plates.optional import require

_TIMEOUT_S = 120.0
"""For one trial to be built, and to be run; TVM's 30 seconds are too few on a busy machine."""
_BATCH = 16
"""Trials that are built and measured together; also how often something can be lost."""
_POPULATION, _GENERATIONS = 48, 2
"""Of the search between batches; TVM's 512 and 4 take longer than the measuring."""
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
    """
    integration = require("tvm.s_tir.meta_schedule.relax_integration", extra="tvm")
    schedule = require("tvm.s_tir.meta_schedule", extra="tvm")
    folder.mkdir(parents=True, exist_ok=True)
    logging.getLogger(_LOGGER).setLevel(logging.ERROR)
    try:
        integration.tune_relax(
            module,
            {},
            machine.target,
            str(folder),
            max_trials_global=trials,
            num_trials_per_iter=_BATCH,
            builder=schedule.builder.LocalBuilder(max_workers=1, timeout_sec=_TIMEOUT_S),
            runner=schedule.runner.LocalRunner(timeout_sec=_TIMEOUT_S),
            measure_callbacks=[
                schedule.measure_callback.AddToDatabase(),
                schedule.measure_callback.UpdateCostModel(),
                _progress(trials),
            ],
            strategy=schedule.search_strategy.EvolutionarySearch(
                population_size=_POPULATION, genetic_num_iters=_GENERATIONS
            ),
            seed=0,
        )
    except KeyboardInterrupt:
        print("\ntuning stopped; what was found is kept", file=sys.stderr)


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
        if _seconds(tuned, machine) < _seconds(mine, machine):
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
    alone = tvm.IRModule({"main": function})
    found = database.query_schedule(alone, machine.target, name)
    return None if found is None else found.mod["main"].with_attr("tirx.is_scheduled", True)


def _seconds(function: Any, machine: Machine) -> float:  # noqa: ANN401 -- PrimFunc
    """The best of a few runs: what else the machine does can only make them slower."""
    tvm = require("tvm", extra="tvm")
    rng = np.random.default_rng(0)
    built = tvm.compile(tvm.IRModule({"main": function}), target=machine.target)
    arguments = [_argument(rng, function.buffer_map[name]) for name in function.params]
    timer = built.mod.time_evaluator("main", tvm.cpu(), number=3, repeat=7)
    return float(min(timer(*arguments).results))


def _argument(rng: np.random.Generator, buffer: Any) -> Any:  # noqa: ANN401 -- tirx.Buffer, tvm.runtime.Tensor
    tvm = require("tvm", extra="tvm")
    shape = [int(size) for size in buffer.shape]
    return tvm.runtime.tensor(rng.uniform(0, 4, shape).astype(str(buffer.dtype)))


def _progress(trials: int) -> Any:  # noqa: ANN401 -- a MeasureCallback
    """A callback of MetaSchedule that writes a line after every batch."""
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

    # MetaSchedule calls the method of that name of a subclass.
    base = schedule.measure_callback.PyMeasureCallback
    return utilities.derived_object(type("Progress", (base,), {"apply": apply}))()
