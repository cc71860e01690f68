"""Losses and shares over the epochs, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_plates.drafts import draft_of

LOSSES = {"train/loss": "training", "val/loss": "validation"}
SHARES = {
    "val/iou50": "photos with IoU ≥ 0.5",
    "val/iou70": "photos with IoU ≥ 0.7",
    "val/mean_iou": "mean IoU",
}


def draw_curves(rows: Sequence[Mapping[str, float]], target: Path) -> None:
    """Draw one panel with the losses and one with the overlaps.

    Args:
        rows: One an epoch, with the values under the names they were logged with.
        target: The PNG file to write.
    """
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    losses, shares = figure.subplots(1, 2)
    _draw(losses, rows, LOSSES, "loss")
    losses.set_yscale("log")
    _draw(shares, rows, SHARES, "validation photos")
    shares.set_ylim(0, 1)
    with draft_of(target) as draft:
        figure.savefig(draft, dpi=120)


def _draw(
    axes: Axes, rows: Sequence[Mapping[str, float]], names: Mapping[str, str], title: str
) -> None:
    for name, label in names.items():
        points = [(row["epoch"], row[name]) for row in rows if name in row]
        if points:
            axes.plot(*zip(*points, strict=True), marker=".", label=label)
    axes.set_title(title)
    axes.set_xlabel("epoch")
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
