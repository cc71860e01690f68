"""Bar charts as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_plates.drafts import draft_of
from lightning_plates.optional import require

COLOURS = ("#9aa0a6", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00")
"""Grey for published figures, then colours told apart by the colour-blind (Okabe and Ito, 2008)."""

INCHES_PER_LETTER = 0.085
"""Width of a letter of the legend, at Matplotlib's 10 points."""


@dataclass(frozen=True, slots=True)
class Series:
    """Bars of one colour, one in each group."""

    name: str
    values: tuple[float | None, ...]
    """One a group; ``None`` leaves a gap."""
    published: bool = False
    """A figure of others: drawn in grey."""


@dataclass(frozen=True, slots=True)
class BarChart:
    """Groups of bars, each bar with its value written on it."""

    title: str
    unit: str
    """Label of the upright axis."""
    groups: tuple[str, ...]
    series: tuple[Series, ...]
    value_format: str = "{:.0f}"
    """How a value is written on its bar."""


def write_chart(chart: BarChart, target: Path) -> None:
    """Draw ``chart`` as a PNG file.

    Raises:
        MissingDependencyError: Matplotlib is not installed.
    """
    figure_module = require("matplotlib.figure", extra="data")
    width = min(max(6.0, 1.0 + 0.55 * len(chart.groups) * len(chart.series)), 13.0)
    figure = figure_module.Figure(figsize=(width, 4.2), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    _draw_bars(axes, chart)
    axes.set_title(chart.title, loc="left")
    axes.set_ylabel(chart.unit)
    axes.set_xticks(range(len(chart.groups)), chart.groups)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.12)
    longest = max(len(series.name) for series in chart.series)
    columns = max(1, int(width / (0.6 + INCHES_PER_LETTER * longest)))
    figure.legend(loc="outside lower center", ncols=columns, frameon=False)
    with draft_of(target) as draft:
        figure.savefig(draft)


def _draw_bars(axes: Any, chart: BarChart) -> None:  # noqa: ANN401 -- matplotlib comes on use
    width = 0.8 / len(chart.series)
    for index, (series, colour) in enumerate(
        zip(chart.series, _colours(chart.series), strict=True)
    ):
        shift = (index + 0.5) * width - 0.4
        bars = [(g + shift, v) for g, v in enumerate(series.values) if v is not None]
        positions, heights = [p for p, _ in bars], [v for _, v in bars]
        drawn = axes.bar(positions, heights, width * 0.94, label=series.name, color=colour)
        axes.bar_label(drawn, [chart.value_format.format(v) for v in heights], fontsize=8)


def _colours(series: Sequence[Series]) -> list[str]:
    own = [s for s in series if not s.published]
    return [
        COLOURS[0] if s.published else COLOURS[1 + own.index(s) % (len(COLOURS) - 1)]
        for s in series
    ]
