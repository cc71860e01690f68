"""Reads the graph of a ``.tflite`` file: its operators, its layers, and what decodes boxes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from lightning_plates.optional import require

_WEIGHTED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"})
_INTEGER_TAIL = frozenset({"LOGISTIC", "RELU", "RELU6", "RESHAPE", "SPLIT", "TRANSPOSE"})
"""Operators behind the last layers that lose little in eight bits; the others compute
coordinates, which eight bits cannot hold, or are refused by the quantiser."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operator of the graph."""

    name: str
    """Name of its first output."""
    operator: str
    """TensorFlow Lite's name, e.g. ``"CONV_2D"``."""
    sources: tuple[str, ...]
    """Names of the nodes whose outputs it reads."""
    more_outputs: tuple[str, ...] = ()
    """Names of its other outputs."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The operators of a model, each behind those that it reads from."""

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...] = ()
    """Names of the model's outputs."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers with weights, from input to output."""
        return tuple(node.name for node in self.nodes if node.operator in _WEIGHTED)

    def count_operators(self) -> dict[str, int]:
        """Number of nodes by operator."""
        return dict(sorted(Counter(node.operator for node in self.nodes).items()))

    def in_float(self, kept: Collection[str]) -> list[str]:
        """Nodes that stay in float when the layers ``kept`` do, and the decoding of boxes."""
        behind = self._behind_the_layers()
        found: set[str] = set()
        for node in self.nodes:
            fed_by_float = bool(node.sources) and found.issuperset(node.sources)
            decodes = node.name in behind and (
                node.operator not in _INTEGER_TAIL or not found.isdisjoint(node.sources)
            )
            if node.name in kept or decodes or (fed_by_float and node.operator not in _WEIGHTED):
                found.add(node.name)
        return [node.name for node in self.nodes if node.name in found]

    def scopes_in_float(self, kept: Collection[str], float_outputs: bool) -> list[str]:
        """What :meth:`in_float` finds, in the quantiser's words: ``"output;other output;"``.

        Args:
            kept: Layers that stay in float.
            float_outputs: Whether outputs that come out of float nodes are left as they are;
                otherwise they become integers.
        """
        found = set(self.in_float(kept))
        scopes = [(node.name, *node.more_outputs) for node in self.nodes if node.name in found]
        if float_outputs and not found.isdisjoint(self.outputs):
            scopes.append(self.outputs)
        return ["".join(f"{name};" for name in scope) for scope in scopes]

    def _behind_the_layers(self) -> set[str]:
        """Nodes that no layer with weights reads from."""
        feeding: set[str] = set()
        for node in reversed(self.nodes):
            if node.operator in _WEIGHTED or node.name in feeding:
                feeding.update(node.sources)
        return {n.name for n in self.nodes} - feeding - set(self.layers)


def read_graph(model: Path) -> Graph:
    """Read the main graph of a ``.tflite`` file."""
    files = require("ai_edge_litert.tools.flatbuffer_utils", extra="tflite")
    content = files.read_model(str(model))
    main = content.subgraphs[0]
    maker: dict[int, str] = {}
    nodes = []
    for operator in main.operators:
        name, *more = (main.tensors[index].name.decode() for index in operator.outputs)
        kind = files.opcode_to_name(content, operator.opcodeIndex)
        sources = tuple(maker[index] for index in operator.inputs if index in maker)
        nodes.append(Node(name, kind, sources, tuple(more)))
        maker.update(dict.fromkeys(operator.outputs, name))
    outputs = tuple(main.tensors[index].name.decode() for index in main.outputs)
    return Graph(tuple(nodes), outputs)
