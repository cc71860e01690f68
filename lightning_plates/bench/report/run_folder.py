"""Reads what a training run left in its folder; an unfinished run is read as far as it got."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from lightning_plates.bench.accuracy import Accuracy, PhotoScore, read_scores, summarise
from lightning_plates.errors import InputError
from lightning_plates.files import read_bytes

RECORD_FILE, CONFIG_FILE = "run.json", "config.yaml"
EPOCHS_FILE, SCORES_FILE = "epochs.csv", "per_photo.csv"


@dataclass(frozen=True, slots=True)
class RunResult:
    """One training run."""

    label: str
    """What reports call it: the name of its folder."""
    folder: Path
    unfinished: str = ""
    """Why there are no results yet; empty where the run is finished."""
    backbone: str = "unknown"
    protocol: str = ""
    """Split protocol, e.g. ``grouped``; empty where it is unknown."""
    leaks: bool = False
    """Whether copies of one source photo lie on both sides of the split."""
    epochs: int | None = None
    trainable_parameters: int | None = None
    frozen_parameters: int | None = None
    training_seconds: float | None = None
    """Wall time of everything that depends on the photos: features, epochs and validations."""
    cpu_seconds: float | None = None
    """Processor time of the same, cores added up; ``None`` where an accelerator did the work."""
    feature_cache: bool = False
    features_found: bool = False
    """Whether an earlier run had stored the backbone's features: this one trained a head only."""
    """Whether the frozen backbone ran once per photo only."""
    machine: str = ""
    """What it was trained on, in words."""
    loss: str = "mse"
    """What was minimised; losses of different kinds cannot be compared."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """``train_loss``, ``val_loss`` and, where logged, ``keras_accuracy`` of the last epoch."""
    scores: tuple[PhotoScore, ...] = ()
    """Of the validation photos, by the best epoch's weights."""
    photo_roots: tuple[Path, ...] = ()
    """Folders that the scores' files may be relative to."""

    @property
    def accuracy(self) -> Accuracy | None:
        """IoU shares of the validation photos; ``None`` where there are no scores."""
        return summarise(self.scores)

    def path_of(self, score: PhotoScore) -> Path:
        """Where the photo of ``score`` lies; the first candidate where none exists."""
        candidates = [root / score.file for root in self.photo_roots or (Path(),)]
        return next((path for path in candidates if path.exists()), candidates[0])


def read_runs(folders: Sequence[Path]) -> list[RunResult]:
    """Read runs, and tell those whose folders have the same name apart by their parents' names.

    Raises:
        InputError: A folder is missing or holds no run, or a file in it is damaged.
    """
    runs = [read_run(folder) for folder in folders]
    labels = [run.label for run in runs]
    return [
        replace(run, label=f"{run.folder.resolve().parent.name}/{run.label}")
        if labels.count(run.label) > 1
        else run
        for run in runs
    ]


def read_run(folder: Path) -> RunResult:
    """Read the folder of one run.

    Raises:
        InputError: It is missing or holds no run, or a file in it is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder (name the folder of a run of fit)")
    label = folder.resolve().name
    if not (folder / RECORD_FILE).exists():
        return _read_unfinished(folder, label)
    record = _read_json(folder / RECORD_FILE)
    if record.get("state", "finished") != "finished":  # older records have no state
        return _read_unfinished(folder, label, str(record["state"]))
    try:
        return _finished(folder, label, record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder / RECORD_FILE}: not the record of a fit ({error!r}); fit again"
        ) from error


def _read_unfinished(folder: Path, label: str, state: str = "") -> RunResult:
    if not (folder / CONFIG_FILE).exists():
        raise InputError(f"{folder}: not a run of fit (it has no {RECORD_FILE}, no {CONFIG_FILE})")
    done = len(_read_epochs(folder))
    so_far = f"unfinished, {done} epochs so far and no {RECORD_FILE}"
    reason = (
        f"{f'{state} after {done} epochs' if state else so_far}; "
        f"continue it with: fit --config {folder / CONFIG_FILE} --run {folder} --resume"
    )
    return RunResult(label, folder, reason, _backbone(folder / CONFIG_FILE), epochs=done)


def _finished(folder: Path, label: str, record: Mapping[str, Any]) -> RunResult:
    settings = record["settings"]
    data, model = settings["data"]["init_args"], settings["model"]["init_args"]
    parameters = record["parameters"]
    # Only a network that can thaw its backbone says that it does not.
    stays_frozen = "unfreeze_epoch" in model and model["unfreeze_epoch"] is None
    frozen = parameters["backbone"] if stays_frozen else 0
    divisions = record["divisions"]
    scores = read_scores(folder / SCORES_FILE)
    return RunResult(
        label,
        folder,
        backbone=record["name"],
        protocol=" + ".join(dict.fromkeys(one["protocol"] for one in divisions)),
        leaks=any(one["shared_sources"] for one in divisions),
        epochs=record["epochs"],
        trainable_parameters=parameters["total"] - frozen,
        frozen_parameters=frozen,
        training_seconds=record["train_seconds"] + record["preparation_seconds"],
        cpu_seconds=record["cpu_seconds"] if record["machine"]["accelerator"] == "none" else None,
        feature_cache=bool(data.get("cache_features")),
        features_found=bool(record.get("features_found")),
        machine=_machine(record["machine"]),
        loss=str(model.get("loss", "of its own kind")),
        metrics=_last_epoch(folder),
        scores=scores,
        photo_roots=tuple(_photo_root(Path(one["path"])) for one in divisions),
    )


def _machine(record: Mapping[str, Any]) -> str:
    parts = [str(record["processor"]), f"{record['cores']} cores"]
    if record["accelerator"] != "none":
        parts.append(str(record["accelerator"]))
    return ", ".join(parts)


def _photo_root(photos: Path) -> Path:
    return photos if photos.is_dir() else photos.parent


def _last_epoch(folder: Path) -> dict[str, float]:
    rows = _read_epochs(folder)
    last = rows[-1] if rows else {}
    names = {
        "train_loss": "train/loss",
        "val_loss": "val/loss",
        "keras_accuracy": "val/keras_accuracy",
    }
    return {name: float(last[column]) for name, column in names.items() if last.get(column)}


def _read_epochs(folder: Path) -> list[dict[str, str]]:
    file = folder / EPOCHS_FILE
    if not file.exists():
        return []
    try:
        return list(csv.DictReader(read_bytes(file).decode().splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: damaged ({error}); fit again") from error


def _read_json(file: Path) -> Mapping[str, Any]:
    try:
        record = json.loads(read_bytes(file))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: damaged ({error}); fit again") from error
    if not isinstance(record, dict):
        raise InputError(f"{file}: not the record of a fit")
    return record


def _backbone(config: Path) -> str:
    try:
        settings = yaml.safe_load(read_bytes(config))
        return str(settings["model"]["init_args"]["backbone"])
    except (yaml.YAMLError, ValueError, KeyError, TypeError, RecursionError):
        return "unknown"
