"""Photos that travel with a converted model, and what its source answers to them.

They lie beside the model as ``MODEL.golden.npz``, so that a device can check itself with nothing
but NumPy and its own runtime. The photos are synthetic: no plate in them belongs to anyone.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lightning_plates.agreement import Agreement
from lightning_plates.errors import InputError
from lightning_plates.photos import RgbImage
from lightning_plates.tasks import task_named

SUFFIX = ".golden.npz"
"""What follows the model file's name."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Photos with the best answer that the source of a model gives to each."""

    photos: tuple[RgbImage, ...]
    """RGB, each of shape ``(H, W, 3)``."""
    answers: tuple[Any, ...]
    """Best answer to each photo, however low its score and without a margin; see the task."""
    task: str
    """Name of the model's task."""
    options: Mapping[str, Any]
    """Options of the task in the source's spec."""
    agreement: Agreement
    """How far the converted model was from its source on these photos when it was made."""
    precision: str
    """Of the converted model: ``fp32``, ``fp16`` or ``int8``."""


def golden_file(model: Path) -> Path:
    """Where the golden answers of ``model`` lie."""
    return model.with_name(model.name + SUFFIX)


def save_golden(golden: Golden, target: Path) -> None:
    """Write golden photos and answers to ``target``."""
    task = task_named(golden.task)
    facts = {
        "version": 2,
        "photos": len(golden.photos),
        "task": golden.task,
        "options": dict(golden.options),
        "agreement": dataclasses.asdict(golden.agreement),
        "precision": golden.precision,
    }
    arrays: dict[str, Any] = {f"photo_{i}": photo for i, photo in enumerate(golden.photos)}
    for i, answer in enumerate(golden.answers):
        arrays |= {f"answer_{i}_{name}": array for name, array in task.pack(answer).items()}
    np.savez_compressed(target, facts=np.array(json.dumps(facts)), **arrays)


def load_golden(file: Path) -> Golden:
    """Read what :func:`save_golden` wrote, in this version or an earlier one.

    Raises:
        InputError: The file is missing or not such a file.
    """
    try:
        # NumPy leaves a file that it opened itself open when it is no archive.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            facts = json.loads(str(arrays["facts"]))
            if facts["version"] == 1:
                return _golden_1(facts, arrays)
            if facts["version"] != 2:
                raise ValueError(f"version is {facts['version']!r}, this program reads 1 and 2")
            return _golden_2(facts, arrays)
    except FileNotFoundError as error:
        raise InputError(
            f"{file}: no golden answers beside the model; convert it again to get them"
        ) from error
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{file}: not a file of golden answers ({error})") from error


def _golden_2(facts: dict[str, Any], arrays: Mapping[str, Any]) -> Golden:
    task = task_named(str(facts["task"]))
    numbers = range(int(facts["photos"]))
    return Golden(
        tuple(arrays[f"photo_{i}"] for i in numbers),
        tuple(task.unpack(_arrays_of(arrays, f"answer_{i}_")) for i in numbers),
        task.name,
        dict(facts["options"]),
        Agreement(**facts["agreement"]),
        str(facts["precision"]),
    )


def _arrays_of(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {n.removeprefix(prefix): arrays[n] for n in arrays if n.startswith(prefix)}


def _golden_1(facts: dict[str, Any], arrays: Mapping[str, Any]) -> Golden:
    """Version 1 knew boxes alone, which had confidences if the model scored them."""
    answers = [[_box_1(best) for best in one] for one in facts["answers"]]
    scored = any(sure is not None for one in answers for _, sure in one)
    task = task_named("detection" if scored else "box")
    agreement = dict(facts["agreement"])
    agreement["mean_likeness"] = agreement.pop("mean_iou")
    return Golden(
        tuple(arrays[f"photo_{i}"] for i in range(len(answers))),
        tuple(task.unpack(_packed_1(one)) for one in answers),
        task.name,
        {"score_threshold": float(facts["score_threshold"])} if scored else {},
        Agreement(**agreement),
        str(facts["precision"]),
    )


def _box_1(fields: dict[str, Any]) -> tuple[list[float], float | None]:
    return [float(value) for value in fields["box"]], fields["confidence"]


def _packed_1(answer: list[tuple[list[float], float | None]]) -> dict[str, Any]:
    return {
        "boxes": np.array([box for box, _ in answer], dtype=np.float64).reshape(-1, 4),
        "confidences": np.array([np.nan if sure is None else sure for _, sure in answer]),
    }
