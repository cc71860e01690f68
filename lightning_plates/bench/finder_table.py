"""The table of a finder's evaluation, as Markdown for people and as CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lightning_plates.bench.accuracy import summarise
from lightning_plates.bench.average_precision import AveragePrecision
from lightning_plates.bench.finder_accuracy import (
    FalseAlarms,
    FinderAnswer,
    count_false_alarms,
    score_answers,
    wilson_interval,
)
from lightning_plates.bench.fit_margin import label_ratios, match_boxes
from lightning_plates.bench.report.document import Row, Table
from lightning_plates.boxes import CLOSE_IOU, HIT_IOU

Cell: TypeAlias = "str | float | None"
"""``None`` where there is nothing to say; a column of nothing else is left out."""

_TITLES = {
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ap_small": "AP small",
    "ap_medium": "AP medium",
    "ap_large": "AP large",
}
"""Columns of :class:`AveragePrecision` by field."""
_ALARM_TITLES = ("photos without plates", "with an alarm (95 %)", "alarms a photo")


@dataclass(frozen=True, slots=True)
class Share:
    """Photos of a kind among all."""

    count: int
    photos: int

    @property
    def value(self) -> float:
        """0–1."""
        return self.count / self.photos

    def describe(self) -> str:
        """Per cent with its 95 % interval."""
        low, high = (f"{100 * limit:.1f}" for limit in wilson_interval(self.count, self.photos))
        return f"{100 * self.value:.1f} % ({low}–{high})"


@dataclass(frozen=True, slots=True)
class FinderRow:
    """One set at one number of looks, with or without the model's margin."""

    set_name: str
    looks: int
    margin: str | None
    """``with`` or ``without``; ``None`` where the model has none."""
    photos: int
    """Photos that show a plate."""
    found: Share | None
    """Those in which the finder sees one; ``None`` where no photo shows any, likewise below."""
    iou50: Share | None
    """Those whose best box fits by IoU ≥ 0.5."""
    iou70: Share | None
    """Those whose best box fits by IoU ≥ 0.7."""
    mean_iou: float | None
    """0–1; photos without an answer count as 0."""
    label_ratios: tuple[float, float] | None
    """Median width and height of the labels in those of their boxes; ``None`` where none match.
    Far from 1 the set labels by another convention than the finder learned."""
    precision: AveragePrecision | None
    """Of all boxes; ``None`` where it was not computed."""
    alarms: FalseAlarms | None
    """What it sees in photos without plates; ``None`` where there are none."""


def summarise_answers(
    set_name: str,
    looks: int,
    margin: str | None,
    answers: Sequence[FinderAnswer],
    precision: AveragePrecision | None,
) -> FinderRow:
    """Make a row of the answers to one set."""
    scores = score_answers(answers)
    accuracy = summarise([score.box for score in scores])
    shares = [
        [score.found for score in scores],
        [score.box.iou >= HIT_IOU for score in scores],
        [score.box.iou >= CLOSE_IOU for score in scores],
    ]
    found, iou50, iou70 = (Share(sum(one), len(one)) if one else None for one in shares)
    return FinderRow(
        set_name,
        looks,
        margin,
        len(scores),
        found,
        iou50,
        iou70,
        None if accuracy is None else accuracy.mean_iou,
        label_ratios(match_boxes(answers)),
        precision,
        count_false_alarms(answers),
    )


def to_table(rows: Sequence[FinderRow], notes: Sequence[str]) -> Table:
    """A table for people."""
    cells = _without_empty_columns([_texts(row) for row in rows])
    lines = tuple(
        Row(tuple("–" if cell is None else str(cell) for cell in line.values())) for line in cells
    )
    return Table(tuple(cells[0]), lines, text_columns=1, notes=tuple(notes))


def to_csv(rows: Sequence[FinderRow]) -> str:
    """The same for programs: numbers in full, the ends of intervals in columns of their own."""
    cells = _without_empty_columns([_numbers(row) for row in rows])
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(cells[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells)
    return buffer.getvalue()


def _texts(row: FinderRow) -> dict[str, Cell]:
    return {
        "set": row.set_name,
        "looks": str(row.looks),
        "margin": row.margin,
        "photos": str(row.photos),
        "found": None if row.found is None else f"{100 * row.found.value:.1f} %",
        "IoU ≥ 0.5 (95 %)": None if row.iou50 is None else row.iou50.describe(),
        "IoU ≥ 0.7 (95 %)": None if row.iou70 is None else row.iou70.describe(),
        "mean IoU": _text(row.mean_iou),
        "label ÷ box": _ratios_text(row.label_ratios),
        **{_TITLES[name]: _text(value) for name, value in _precision_cells(row).items()},
        **_alarm_texts(row.alarms),
    }


def _alarm_texts(alarms: FalseAlarms | None) -> dict[str, Cell]:
    if alarms is None:
        return dict.fromkeys(_ALARM_TITLES)
    share = Share(alarms.alarmed, alarms.photos).describe()
    cells = (str(alarms.photos), share, f"{alarms.boxes / alarms.photos:.3f}")
    return dict(zip(_ALARM_TITLES, cells, strict=True))


def _numbers(row: FinderRow) -> dict[str, Cell]:
    alarms = row.alarms
    return {
        "set": row.set_name,
        "looks": row.looks,
        "margin": row.margin,
        "photos": row.photos,
        "found": None if row.found is None else row.found.value,
        **_interval("iou50", row.iou50),
        **_interval("iou70", row.iou70),
        "mean_iou": row.mean_iou,
        "label_width_ratio": row.label_ratios and row.label_ratios[0],
        "label_height_ratio": row.label_ratios and row.label_ratios[1],
        **_precision_cells(row),
        "empty_photos": None if alarms is None else alarms.photos,
        **_interval("alarmed", None if alarms is None else Share(alarms.alarmed, alarms.photos)),
        "alarms_per_empty_photo": None if alarms is None else alarms.boxes / alarms.photos,
    }


def _precision_cells(row: FinderRow) -> dict[str, float | None]:
    if row.precision is None:
        return dict.fromkeys(_TITLES)
    return {name: getattr(row.precision, name) for name in _TITLES}


def _interval(name: str, share: Share | None) -> dict[str, Cell]:
    if share is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    low, high = wilson_interval(share.count, share.photos)
    return {name: share.value, f"{name}_low": low, f"{name}_high": high}


def _without_empty_columns(rows: Sequence[Mapping[str, Cell]]) -> list[dict[str, Cell]]:
    filled = {name for row in rows for name, cell in row.items() if cell is not None}
    return [{name: cell for name, cell in row.items() if name in filled} for row in rows]


def _ratios_text(ratios: tuple[float, float] | None) -> str | None:
    return None if ratios is None else "{:.2f} × {:.2f}".format(*ratios)


def _text(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"
