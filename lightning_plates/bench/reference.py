"""Published figures that our own are shown beside; the tables lie in ``reference/``.

``backbones.csv`` and ``epochs.csv`` hold what the thesis printed about its three regressors;
``peers.csv`` other plate systems, measured on public benchmark photos.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

THESIS_SPLIT = "thesis"
"""Protocol behind the thesis' figures: its augmented copies were drawn at random."""


@dataclass(frozen=True, slots=True)
class ThesisBackbone:
    """What the thesis printed about one of its regressors after 17 epochs."""

    backbone: str
    trainable_parameters_m: float
    """Millions."""
    frozen_parameters_m: float
    """Millions."""
    training_seconds: float
    """Wall time of 17 epochs on the thesis' own machine."""
    train_loss: float
    """Mean squared error of coordinates in 0–1."""
    val_loss: float
    """As :attr:`train_loss`."""
    val_accuracy: float
    """Keras' argmax match over the four coordinates, 0–1."""
    iou50: float
    """Share of photos with IoU ≥ 0.5, 0–1; the thesis calls it precision."""


@dataclass(frozen=True, slots=True)
class ThesisEpoch:
    """One epoch of one of the thesis' training runs."""

    backbone: str
    epoch: int
    """From 1."""
    seconds: float
    train_loss: float
    val_loss: float


@dataclass(frozen=True, slots=True)
class Peer:
    """Another plate system on one set of benchmark photos."""

    system: str
    """Name and version."""
    set: str
    """``br``, ``eu`` or ``us``."""
    photos: int
    iou50: float
    """Share of photos with IoU ≥ 0.5, 0–1."""
    iou70: float
    """Share of photos with IoU ≥ 0.7, 0–1."""
    mean_iou: float
    """0–1."""
    exact: float | None
    """Share of plates read without an error, 0–1; ``None`` where it only detects."""
    last_char: float | None
    """Share of plates whose last character is right, likewise."""
    cpu_ms: float | None
    """Processor time a photo, in milliseconds; ``None`` where it was not measured."""


def thesis_backbones() -> dict[str, ThesisBackbone]:
    """The thesis' three regressors by name of their backbone."""
    return {row["backbone"]: _backbone(row) for row in _rows("backbones.csv")}


def thesis_epochs() -> tuple[ThesisEpoch, ...]:
    """All epochs that the thesis printed; those of VGG16 end after the fifth."""
    return tuple(
        ThesisEpoch(
            row["backbone"],
            int(row["epoch"]),
            float(row["seconds"]),
            float(row["train_loss"]),
            float(row["val_loss"]),
        )
        for row in _rows("epochs.csv")
    )


def peers() -> tuple[Peer, ...]:
    """Other plate systems, one entry for each system and set."""
    return tuple(_peer(row) for row in _rows("peers.csv"))


def _backbone(row: dict[str, str]) -> ThesisBackbone:
    return ThesisBackbone(
        backbone=row["backbone"],
        trainable_parameters_m=float(row["trainable_params_m"]),
        frozen_parameters_m=float(row["frozen_params_m"]),
        training_seconds=float(row["train_seconds_17_epochs"]),
        train_loss=float(row["train_loss"]),
        val_loss=float(row["val_loss"]),
        val_accuracy=float(row["val_accuracy_percent"]) / 100,
        iou50=float(row["iou50_percent"]) / 100,
    )


def _peer(row: dict[str, str]) -> Peer:
    return Peer(
        system=row["system"],
        set=row["set"],
        photos=int(row["photos"]),
        iou50=float(row["iou50_percent"]) / 100,
        iou70=float(row["iou70_percent"]) / 100,
        mean_iou=float(row["mean_iou"]),
        exact=_share(row["exact_percent"]),
        last_char=_share(row["last_char_percent"]),
        cpu_ms=float(row["cpu_ms"]) if row["cpu_ms"] else None,
    )


def _share(percent: str) -> float | None:
    return float(percent) / 100 if percent else None


def _rows(name: str) -> Iterator[dict[str, str]]:
    folder = resources.files(__package__) / "reference"
    text = (folder / name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())
