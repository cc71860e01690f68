"""Writes what became of a model's operators as Markdown."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from conversion.operators.mapping import Fate, Fates

VERDICTS = ("supported", "fused", "fused or renamed", "folded", "removed")
LEGEND = (
    "**supported**: the converted model computes it, by the operator named behind; a plain *yes* "
    "where the format tells nothing. **fused**: computed inside the named operator of another "
    "node. **fused or renamed**: no operator of that name is in the converted model, which agrees "
    "with its source all the same, and the format keeps no names to tell more. **folded**: does "
    "not depend on the photo and was computed ahead. **removed**: nothing reads its answer. "
    "**missing**: the tool refused it by name. **?**: the conversion failed for another reason. "
    "*Since* is the opset that defined the operator in the form used here, *first* the one that "
    "brought it. *Other operators* stand for no node of the source, or for one under another name."
)


@dataclass(frozen=True, slots=True)
class Operator:
    """One kind of operator of the source."""

    name: str
    count: int
    since: int | None
    """Opset that defined it in the form that the model uses; ``None`` where ONNX does not."""
    first: int | None
    """Opset that defined it first."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one conversion did."""

    label: str
    """Format and precision, e.g. ``"OpenVINO int8"``."""
    tool: str
    """Name and version."""
    size_mb: float | None
    """Of all its files; ``None`` where nothing was written."""
    max_abs_difference: float | None
    """Largest difference to the source's outputs on the photos compared."""
    reason: str
    """Why it failed, in one line; empty where it agrees."""
    fates: Fates
    """Of the source's nodes, in their order; without any where the format tells nothing."""
    operators: Mapping[str, int]
    """Number by operator in the converted model; empty where its format does not tell."""


def write_table(
    title: str,
    command: str,
    operators: Sequence[Operator],
    nodes: Sequence[str],
    outcomes: Sequence[Outcome],
) -> str:
    """Both tables: what became of each operator, and what each conversion wrote.

    Args:
        title: Heading.
        command: What made it.
        operators: Those of the source.
        nodes: The operator of each node of the source, in the order of the fates.
        outcomes: One a conversion.
    """
    labels = [outcome.label for outcome in outcomes]
    lines = [
        f"# {title}",
        "",
        f"Made by `{command}`.",
        "",
        _row(["operator", "nodes", "since", "first", *labels]),
        _row(["---", "---:", "---:", "---:", *("---" for _ in labels)]),
        *(_row(_operator_cells(operator, nodes, outcomes)) for operator in operators),
        "",
        LEGEND,
        "",
        _row(
            [
                "conversion",
                "tool",
                "MB",
                "largest difference",
                "operators in it",
                "other operators",
                "status",
            ]
        ),
        _row(["---", "---", "---:", "---:", "---", "---", "---"]),
        *(_row(_outcome_cells(outcome)) for outcome in outcomes),
    ]
    return "\n".join([*lines, ""])


def _operator_cells(
    operator: Operator, nodes: Sequence[str], outcomes: Sequence[Outcome]
) -> Iterator[str]:
    yield f"`{operator.name}`"
    yield str(operator.count)
    yield _number(operator.since)
    yield _number(operator.first)
    for outcome in outcomes:
        yield _verdict(operator.name, nodes, outcome)


def _verdict(operator: str, nodes: Sequence[str], outcome: Outcome) -> str:
    if outcome.reason:
        return "**missing**" if operator in missing_operators(outcome.reason, [operator]) else "?"
    if not outcome.fates.nodes:
        return "yes"
    fates = zip(nodes, outcome.fates.nodes, strict=True)
    return describe([fate for name, fate in fates if name == operator])


def missing_operators(reason: str, operators: Sequence[str]) -> list[str]:
    """The operators that a tool's message names, as whole words."""
    words = {word.strip("'\"`.,:;()[]{}<>").rpartition("::")[2] for word in reason.split()}
    return [name for name in operators if name.rpartition("::")[2] in words]


def describe(fates: Sequence[Fate]) -> str:
    """One cell: how many nodes met which fate."""
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for fate in fates:
        kinds[fate.verdict][fate.kind] += 1
    parts = []
    for verdict in VERDICTS:
        into = ", ".join(
            f"`{kind}` {count}" for kind, count in kinds[verdict].most_common() if kind
        )
        if kinds[verdict]:
            join = {"supported": ": ", "fused": " into "}.get(verdict, "")
            parts.append(
                f"{verdict}{join}{into}" if into else f"{verdict} {kinds[verdict].total()}"
            )
    return "; ".join(parts)


def _outcome_cells(outcome: Outcome) -> Iterator[str]:
    yield outcome.label
    yield outcome.tool
    yield "" if outcome.size_mb is None else f"{outcome.size_mb:.2f}"
    yield "" if outcome.max_abs_difference is None else f"{outcome.max_abs_difference:.1e}"
    yield _counts(outcome.operators)
    yield _counts(outcome.fates.added)
    yield outcome.reason or "agrees"


def _counts(operators: Mapping[str, int]) -> str:
    return ", ".join(f"`{name}` {count}" for name, count in operators.items())


def _number(value: int | None) -> str:
    return "–" if value is None else str(value)


def _row(cells: Sequence[str] | Iterator[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
