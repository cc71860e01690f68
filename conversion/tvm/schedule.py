"""Loop schedules for processors: TVM has none for convolutions until it is tuned.

A function of the network is one reduction (convolution, matrix product, pool) with what was fused
before and behind it, or elementwise work alone. The reduction computes a tile of neighbouring
columns and channels in registers, as libraries for processors do, and the elementwise work behind
it is done on the tile before it is stored. Pictures must be NHWC: channels are the vector.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

from lightning_plates.optional import require

_REGISTERS = {"x86_64": 16, "aarch64": 32}
"""Vector registers by architecture; with 512 bits x86-64 has 32."""
_MAX_VECTORS = 6
"""Vectors of channels in a tile at most: more gain nothing and lengthen the code."""
_MAX_COLUMNS = 16
_SUM = 2
"""TVM's number for an axis that is summed over."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Part of a picture that is computed at once."""

    columns: int
    """Neighbouring columns."""
    vectors: int
    """Vectors of channels."""
    lanes: int
    """Channels in a vector."""

    @property
    def gain(self) -> float:
        """Multiplications for every value that is loaded."""
        return self.columns * self.vectors / (self.columns + self.vectors)


@dataclass(frozen=True, slots=True)
class Machine:
    """What a tile must fit into."""

    lanes: int
    """Values of 32 bits in a vector register."""
    registers: int
    """Number of vector registers."""

    def holds(self, tile: Tile) -> bool:
        """Whether the tile's sums, a vector of weights each and a column fit into registers."""
        return (tile.columns + 1) * tile.vectors + 1 <= self.registers


def describe_machine(target: Any) -> Machine:  # noqa: ANN401 -- tvm.target.Target
    """Vector registers of an LLVM target."""
    codegen = require("tvm.target.codegen", extra="tvm")
    bits = int(codegen.llvm_get_vector_width(target))
    triple = str(target.attrs.get("mtriple", "")) or codegen.llvm_get_system_triple()
    registers = 32 if bits >= 512 else _REGISTERS.get(triple.partition("-")[0], 16)
    return Machine(max(bits, 128) // 32, registers)


def schedule_module(module: Any, target: Any) -> Any:  # noqa: ANN401 -- tvm.IRModule, tvm.target.Target
    """Schedule every function of a lowered module that has no schedule yet.

    Args:
        module: Operators lowered to loops and fused.
        target: An LLVM target.

    Returns:
        The module; a function whose form is not known stays as it is.
    """
    tvm = require("tvm", extra="tvm")
    machine = describe_machine(target)
    scheduled = {}
    for variable, function in module.functions_items():
        is_loops = isinstance(function, tvm.tirx.PrimFunc)
        if is_loops and not function.attrs.get("tirx.is_scheduled", False):
            loops = _schedule(function, machine)
            if loops is not None:
                scheduled[variable] = loops
    result = tvm.IRModule(dict(module.functions_items()), attrs=module.attrs)
    for variable, function in scheduled.items():
        result.update_func(variable, function)
    return result


def _schedule(function: Any, machine: Machine) -> Any | None:  # noqa: ANN401 -- tvm.tirx.PrimFunc
    """The scheduled function; ``None`` where its form is not known."""
    s_tir = require("tvm.s_tir", extra="tvm")
    schedule = s_tir.Schedule(function)
    try:
        blocks = schedule.get_child_blocks(schedule.get_sblock("root"))
        reductions = [number for number, block in enumerate(blocks) if _reduces(schedule, block)]
        if not reductions:
            _inline(schedule, blocks[:-1])
            _vectorise(schedule, blocks[-1], machine)
        elif len(reductions) == 1:
            _tile(schedule, blocks, reductions[0], machine)
        else:
            return None
    except s_tir.ScheduleError:
        return None  # slower, not wrong
    return schedule.mod["main"].with_attr("tirx.is_scheduled", True)


def _tile(schedule: Any, blocks: list[Any], position: int, machine: Machine) -> None:  # noqa: ANN401 -- s_tir.Schedule
    """Compute the reduction tile by tile in registers, and finish each tile where it is stored."""
    before, reduction, behind = blocks[:position], blocks[position], blocks[position + 1 :]
    _inline(schedule, before[:-1])
    if before and not _inline_copy(schedule, before[-1]):
        _vectorise(schedule, before[-1], machine)
    _inline(schedule, behind[:-1])
    output = behind[-1] if behind else schedule.cache_write(reduction, 0, "local")
    *outer, columns, channels = schedule.get_loops(output)
    tile = choose_tile(_extent(schedule, columns), _extent(schedule, channels), machine)
    column_tiles, column = schedule.split(columns, [None, tile.columns])
    channel_tiles, vectors, lanes = schedule.split(channels, [None, tile.vectors, tile.lanes])
    schedule.reorder(channel_tiles, *outer, column_tiles, column, vectors, lanes)
    schedule.parallel(schedule.fuse(channel_tiles, *outer))
    schedule.compute_at(reduction, column_tiles, preserve_unit_loops=True)
    if behind:
        schedule.set_scope(reduction, 0, "local")
    _spread(schedule, [column, vectors, lanes])
    _keep_in_registers(schedule, reduction, tile.lanes)


def _keep_in_registers(schedule: Any, reduction: Any, lanes: int) -> None:  # noqa: ANN401 -- s_tir.Schedule, block
    """Run over the tile inside the sums, without loops, so that it stays in registers."""
    kinds = [axis.iter_type for axis in schedule.get(reduction).iter_vars]
    loops = schedule.get_loops(reduction)[-len(kinds) :]
    sums = [loop for loop, kind in zip(loops, kinds, strict=True) if kind == _SUM]
    *tile, channels = [loop for loop, kind in zip(loops, kinds, strict=True) if kind != _SUM]
    tile += schedule.split(channels, [None, lanes])
    schedule.reorder(*sums, *tile)
    _spread(schedule, tile)
    start = schedule.decompose_reduction(reduction, sums[0])
    _spread(schedule, schedule.get_loops(start)[-len(tile) :])


def _spread(schedule: Any, tile: list[Any]) -> None:  # noqa: ANN401 -- s_tir.Schedule
    """Make the innermost loop of a tile a vector and write out the others."""
    for loop in tile[:-1]:
        schedule.unroll(loop)
    if _extent(schedule, tile[-1]) > 1:
        schedule.vectorize(tile[-1])


def choose_tile(columns: int, channels: int, machine: Machine) -> Tile:
    """Columns and channels that are computed together.

    Every step multiplies each column with each vector of channels and has to load both, so that
    a large and nearly square tile does most with what it loads; its sums must fit into registers.

    Args:
        columns: Columns of the picture; the tile's divide them.
        channels: Channels of the picture; the tile's divide them.
        machine: What the tile must fit into.
    """
    lanes = math.gcd(channels, machine.lanes)
    widths = _divisors(columns, _MAX_COLUMNS)
    counts = _divisors(channels // lanes, _MAX_VECTORS)
    tiles = (Tile(width, count, lanes) for width, count in itertools.product(widths, counts))
    return max(filter(machine.holds, tiles), key=lambda tile: (tile.gain, tile.vectors))


def _divisors(number: int, limit: int) -> list[int]:
    return [size for size in range(1, limit + 1) if number % size == 0]


def _vectorise(schedule: Any, block: Any, machine: Machine) -> None:  # noqa: ANN401 -- s_tir.Schedule, block
    """Spread elementwise work over vectors and cores."""
    *outer, last = schedule.get_loops(block)
    width = math.gcd(_extent(schedule, last), machine.lanes)
    tiles, vector = schedule.split(last, [None, width])
    if width > 1:
        schedule.vectorize(vector)
    schedule.parallel(schedule.fuse(*outer, tiles))


def _inline(schedule: Any, blocks: list[Any]) -> None:  # noqa: ANN401 -- s_tir.Schedule, blocks
    for block in blocks:
        schedule.compute_inline(block)


def _inline_copy(schedule: Any, block: Any) -> bool:  # noqa: ANN401 -- s_tir.Schedule, block
    """Remove a block that only copies; one that pads is worth its own pass over the picture."""
    ir = require("tvm.ir.expr", extra="tvm")
    if not isinstance(schedule.get(block).body.value, ir.TensorLoad):
        return False
    schedule.compute_inline(block)
    return True


def _reduces(schedule: Any, block: Any) -> bool:  # noqa: ANN401 -- s_tir.Schedule, block
    return any(axis.iter_type == _SUM for axis in schedule.get(block).iter_vars)


def _extent(schedule: Any, loop: Any) -> int:  # noqa: ANN401 -- s_tir.Schedule, loop
    return int(schedule.get(loop).extent)
