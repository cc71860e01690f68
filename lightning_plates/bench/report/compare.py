"""Compares training runs with each other and with the thesis' figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from lightning_plates.bench.reference import ThesisBackbone, thesis_backbones
from lightning_plates.bench.report.charts import BarChart, Series, write_chart
from lightning_plates.bench.report.document import (
    Block,
    Document,
    Heading,
    Paragraph,
    Picture,
)
from lightning_plates.bench.report.html import to_html
from lightning_plates.bench.report.markdown import to_markdown
from lightning_plates.bench.report.pictures import write_strip
from lightning_plates.bench.report.run_folder import RunResult
from lightning_plates.bench.report.tables import (
    MSE,
    PUBLISHED,
    RATIO_BACKBONE,
    accuracy_table,
    by_backbone,
    cost_table,
    protocol_cell,
    share,
    time_ratio,
)
from lightning_plates.drafts import write_text
from lightning_plates.errors import PhotoError

REPORT = "report"
"""Name of the report's files, before their endings."""

_RunValue: TypeAlias = Callable[[RunResult], float | None]
_ThesisValue: TypeAlias = Callable[[ThesisBackbone], float]


def write_comparison(
    runs: Sequence[RunResult], folder: Path, title: str, before: Sequence[Block] = ()
) -> tuple[Path, Path]:
    """Write ``report.md`` and ``report.html`` with charts and pictures into ``folder``.

    Args:
        runs: What to compare, at least one; unfinished ones are listed as such.
        folder: Made if missing; files of the same names are replaced, others are left alone.
        title: Heading of the report.
        before: Parts to show before the comparison.

    Returns:
        The Markdown and the HTML file.

    Raises:
        OSError: The folder cannot be written.
        MissingDependencyError: Matplotlib is not installed.
    """
    blocks = [
        *before,
        Heading("How well the boxes fit"),
        accuracy_table(runs),
        Heading("What training cost"),
        cost_table(runs),
        *_charts(runs, folder),
        *_pictures(runs, folder),
    ]
    document = Document(title, blocks)
    markdown, html = folder / f"{REPORT}.md", folder / f"{REPORT}.html"
    write_text(html, to_html(document, folder))
    write_text(markdown, to_markdown(document))
    return markdown, html


def _charts(runs: Sequence[RunResult], folder: Path) -> list[Block]:
    finished = [run for run in runs if not run.unfinished]
    charts = {
        "iou50": _chart(
            "Validation photos with IoU ≥ 0.5",
            "per cent",
            finished,
            lambda run: 100 * run.accuracy.iou50 if run.accuracy else None,
            lambda thesis: 100 * thesis.iou50,
        ),
        "training_time": _chart(
            f"Training time, as a multiple of {RATIO_BACKBONE}'s",
            f"× {RATIO_BACKBONE}",
            finished,
            lambda run: time_ratio(run, finished),
            lambda thesis: thesis.training_seconds / _base().training_seconds,
            "{:.1f}",
        ),
        "val_loss": _chart(
            "Validation loss (mean squared error) × 1000",
            "loss × 1000",
            finished,
            _comparable_loss,
            lambda thesis: 1000 * thesis.val_loss,
            "{:.2f}",
        ),
    }
    blocks: list[Block] = []
    for name, chart in charts.items():
        if any(value is not None for s in chart.series if not s.published for value in s.values):
            write_chart(chart, folder / "charts" / f"{name}.png")
            caption = f"{chart.title}, by split protocol; grey: the thesis' figures."
            blocks.append(Picture(f"charts/{name}.png", caption))
    return [Heading("Charts"), *blocks] if blocks else []


def _base() -> ThesisBackbone:
    return thesis_backbones()[RATIO_BACKBONE]


def _comparable_loss(run: RunResult) -> float | None:
    loss = run.metrics.get("val_loss") if run.loss == MSE else None
    return None if loss is None else 1000 * loss


def _chart(
    title: str,
    unit: str,
    runs: Sequence[RunResult],
    value: _RunValue,
    published: _ThesisValue,
    value_format: str = "{:.1f}",
) -> BarChart:
    """A group for each backbone, a colour for each split protocol, grey for the thesis."""
    backbones = tuple(by_backbone(runs))
    known = thesis_backbones()
    thesis = tuple(published(known[b]) if b in known else None for b in backbones)
    variants = _variants(runs)
    series = [
        Series(name, tuple(value(found[b]) if b in found else None for b in backbones))
        for name, found in variants.items()
    ]
    if any(v is not None for v in thesis):
        series.insert(0, Series(PUBLISHED, thesis, published=True))
    return BarChart(title, unit, backbones, tuple(series), value_format)


def _variants(runs: Sequence[RunResult]) -> dict[str, dict[str, RunResult]]:
    """Runs by split protocol, then by backbone; a second run of the same pair opens a new row."""
    seen: Counter[tuple[str, str]] = Counter()
    variants: dict[str, dict[str, RunResult]] = {}
    for run in runs:
        protocol = protocol_cell(run)
        seen[protocol, run.backbone] += 1
        count = seen[protocol, run.backbone]
        name = f"split: {protocol}" + (f" ({count})" if count > 1 else "")
        variants.setdefault(name, {})[run.backbone] = run
    return variants


def _pictures(runs: Sequence[RunResult], folder: Path) -> list[Block]:
    blocks: list[Block] = [
        Heading("Best, median and worst predictions"),
        Paragraph("Validation photos. Green: the label. Red: the prediction."),
    ]
    names = _file_names(runs)
    for run, name in zip(runs, names, strict=True):
        if run.scores:
            blocks.append(_picture(run, f"pictures/{name}.jpg", folder))
    return blocks if len(blocks) > 2 else []


def _picture(run: RunResult, file: str, folder: Path) -> Block:
    try:
        write_strip(run, folder / file)
    except PhotoError as error:
        return Paragraph(f"{run.label}: no pictures, because a photo cannot be read ({error})")
    iou50 = share(run.accuracy.iou50 if run.accuracy else None)
    caption = f"{run.label}, split {protocol_cell(run)}: IoU ≥ 0.5 on {iou50}"
    return Picture(file, caption)


def _file_names(runs: Sequence[RunResult]) -> list[str]:
    """One name a run, safe in any file system and unique in the report."""
    safe = ["".join(c if c.isalnum() or c in "-_" else "-" for c in run.label) for run in runs]
    return [name if safe.count(name) == 1 else f"{name}-{i + 1}" for i, name in enumerate(safe)]
