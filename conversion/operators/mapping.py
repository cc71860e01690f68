"""What became of every node of an ONNX graph in a converted model, by the names found there."""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

SHAPE_READERS = frozenset({"Shape", "Size"})
"""They read how large a tensor is, not what it holds: known ahead for a photo of fixed size."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One operator of a converted model, as far as it says where it comes from."""

    kind: str
    """Name of the operator in that format."""
    names: frozenset[str] = frozenset()
    """What it and its outputs are called; source nodes and their outputs are found among them.
    Empty where the format keeps no names."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one source node."""

    verdict: str
    """``supported``, ``fused``: computed inside the operator of another node, ``folded``: did not
    depend on the photo and was computed ahead, ``removed``: nothing reads its answer, or ``fused
    or renamed`` where the format does not tell."""
    kind: str = ""
    """Operator of the converted model that it became or went into; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of a graph."""

    nodes: tuple[Fate, ...]
    """One a node of the source."""
    added: Mapping[str, int]
    """Operators of the converted model that stand for no node of the source, by kind."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the source."""

    operator: str
    """Named as :func:`~conversion.graph.hub_file.count_operators` does."""
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: int
    """Number of constant values that it reads."""

    @property
    def names(self) -> frozenset[str]:
        """What a converted operator may be called after it."""
        return frozenset({self.name, *self.outputs} - {""})


def read_nodes(model: Any) -> tuple[Node, ...]:  # noqa: ANN401 -- onnx.ModelProto
    """The nodes of a graph, each behind those that it reads from."""
    sizes = {tensor.name: prod(tensor.dims) for tensor in model.graph.initializer}
    return tuple(
        Node(
            node.op_type if node.domain in {"", "ai.onnx"} else f"{node.domain}::{node.op_type}",
            node.name,
            tuple(node.input),
            tuple(node.output),
            sum(sizes.get(name, 0) for name in node.input),
        )
        for node in model.graph.node
    )


def find_fates(nodes: Sequence[Node], inputs: Sequence[str], traces: Sequence[Trace]) -> Fates:
    """Say what became of each node.

    A converted operator stands for the nodes whose names it carries, or for one of an operator
    called alike. Where names are kept it also stands for nodes without an operator of their own
    that lead to it: the one with the most weights is what it computes, the others are fused into
    it.

    Args:
        nodes: Of the source.
        inputs: Names of the source's inputs.
        traces: Of the converted model.
    """
    own = [_traces_of(node, traces) for node in nodes]
    names_are_kept = any(own)
    free = set(range(len(traces))).difference(*own)
    _match_alike(nodes, traces, own, free)
    depends = _depend_on(nodes, inputs)
    owner = [found[0] if found else None for found in own]
    if names_are_kept:
        for index in range(len(nodes)):
            if owner[index] is None and depends[index]:
                owner[index] = _next_traced(index, nodes, own)
    heads, gone = _heads(nodes, owner), "removed" if names_are_kept else "fused or renamed"
    fates = []
    for index, (found, into) in enumerate(zip(own, owner, strict=True)):
        if into is None:
            fates.append(Fate(gone if depends[index] else "folded"))
        elif heads[into] != index:
            fates.append(Fate("fused", traces[into].kind))
        else:
            kinds = dict.fromkeys(traces[number].kind for number in found or [into])
            fates.append(Fate("supported", " + ".join(kinds)))
    added = Counter(traces[number].kind for number in free)
    return Fates(tuple(fates), dict(sorted(added.items())))


def alike(operator: str, kind: str) -> bool:
    """Whether a format's operator is called like ONNX's: ``Conv`` and ``DEPTHWISE_CONV_2D``."""
    wanted, given = _words(operator), _words(kind)
    if "".join(wanted) == "".join(given):  # ReLU
        return True
    starts = range(len(given) - len(wanted) + 1)
    return any(all(map(_same_word, wanted, given[start : start + len(wanted)])) for start in starts)


def _words(name: str) -> list[str]:
    """``"MaxPool"``, ``"MAX_POOL_2D"`` and ``"nn.max_pool2d"`` have the words max and pool."""
    found = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name.rpartition("::")[2])
    return [word.lower() for word in found]


def _same_word(wanted: str, given: str) -> bool:
    """Formats write words out (``Conv``, ``Convolution``); short ones begin too many others."""
    return given == wanted or (len(wanted) >= 4 and given.startswith(wanted))


def _match_alike(
    nodes: Sequence[Node],
    traces: Sequence[Trace],
    own: list[list[int]],
    free: set[int],
) -> None:
    """Give nodes that no name was found of an operator called alike, each but once."""
    for index, node in enumerate(nodes):
        if own[index]:
            continue
        for number in sorted(free):
            if alike(node.operator, traces[number].kind):
                own[index].append(number)
                free.discard(number)
                break


def _traces_of(node: Node, traces: Sequence[Trace]) -> list[int]:
    return [number for number, trace in enumerate(traces) if not node.names.isdisjoint(trace.names)]


def _depend_on(nodes: Sequence[Node], inputs: Sequence[str]) -> list[bool]:
    """Whether each node's answer changes with the values of ``inputs``."""
    changing, depends = set(inputs), []
    for node in nodes:
        reads = node.operator not in SHAPE_READERS and not changing.isdisjoint(node.inputs)
        depends.append(reads)
        if reads:
            changing.update(node.outputs)
    return depends


def _next_traced(start: int, nodes: Sequence[Node], own: Sequence[Sequence[int]]) -> int | None:
    """The converted operator that the answer of a node reaches first."""
    readers: Mapping[str, list[int]] = defaultdict(list)
    for index, node in enumerate(nodes):
        for name in node.inputs:
            readers[name].append(index)
    waiting, seen = deque([start]), {start}
    while waiting:
        index = waiting.popleft()
        if own[index]:
            return own[index][0]
        following = [reader for name in nodes[index].outputs for reader in readers[name]]
        waiting.extend(reader for reader in following if reader not in seen)
        seen.update(following)
    return None


def _heads(nodes: Sequence[Node], owner: Sequence[int | None]) -> dict[int, int]:
    """By converted operator, the node with the most weights among those that it stands for."""
    heads: dict[int, int] = {}
    for index, into in enumerate(owner):
        if into is not None:
            best = heads.setdefault(into, index)
            if nodes[index].weights > nodes[best].weights:
                heads[into] = index
    return heads
