"""How much of a validation figure is leakage: the same runs on photos that none has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lightning_plates.bench.accuracy import Accuracy
from lightning_plates.bench.reference import thesis_backbones
from lightning_plates.bench.report.charts import BarChart, Series
from lightning_plates.bench.report.document import Row, Table
from lightning_plates.bench.report.run_folder import RunResult
from lightning_plates.bench.report.tables import (
    LEAK,
    NOTHING,
    PUBLISHED,
    number,
    protocol_cell,
    share,
)


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """A run with its figures on photos that it never saw."""

    run: RunResult
    others: Mapping[str, Accuracy]
    """By name of the set."""


def leakage_table(judged: Sequence[JudgedRun], sets: Sequence[str]) -> Table:
    """Share of photos with IoU ≥ 0.5, and mean IoU, on the run's own validation side and beyond.

    Args:
        judged: The runs, in the order of the rows.
        sets: Names of the other sets, in the order of the columns.
    """
    columns = ("run", "split protocol", "own validation side", *sets)
    rows: list[Row] = []
    for backbone, published in thesis_backbones().items():
        own = [one for one in judged if one.run.backbone == backbone]
        rows += [Row(_cells(one, sets)) for one in own]
        if own:
            gaps = (NOTHING,) * len(sets)
            cells = (f"{backbone} ({PUBLISHED})", f"thesis {LEAK}", share(published.iou50), *gaps)
            rows.append(Row(cells, published=True))
    notes = (
        "Share of photos with IoU ≥ 0.5; in brackets the mean IoU. "
        f"{LEAK}: copies of one source photo lie on both sides of the split.",
        "No run has seen any photo of the sets to the right of its own validation side.",
    )
    return Table(columns, tuple(rows), 2, notes)


def leakage_chart(judged: Sequence[JudgedRun], unseen: str) -> BarChart:
    """The same as bars: published, both protocols, and both again on the set ``unseen``."""
    known = thesis_backbones()
    backbones = tuple(name for name in known if any(j.run.backbone == name for j in judged))
    series = [Series(PUBLISHED, tuple(100 * known[name].iou50 for name in backbones), True)]
    protocols = list(dict.fromkeys(protocol_cell(one.run) for one in judged))
    for where in ("own validation side", unseen):
        for protocol in protocols:
            found = {j.run.backbone: j for j in judged if protocol_cell(j.run) == protocol}
            bars = tuple(_iou50(found.get(name), where, unseen) for name in backbones)
            series.append(Series(f"split: {protocol}, on {where}", bars))
    return BarChart("Photos with IoU ≥ 0.5", "per cent", backbones, tuple(series))


def _iou50(judged: JudgedRun | None, where: str, unseen: str) -> float | None:
    if judged is None:
        return None
    found = judged.others.get(unseen) if where == unseen else judged.run.accuracy
    return 100 * found.iou50 if found else None


def _cells(judged: JudgedRun, sets: Sequence[str]) -> tuple[str, ...]:
    run = judged.run
    others = (_shares(judged.others.get(name)) for name in sets)
    return (run.label, protocol_cell(run), _shares(run.accuracy), *others)


def _shares(found: Accuracy | None) -> str:
    return (
        NOTHING if found is None else f"{share(found.iou50)} ({number(found.mean_iou, '{:.2f}')})"
    )
