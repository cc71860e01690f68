"""Photos that travel with a converted model, and what its source answers to them.

They lie beside the model as ``MODEL.golden.npz``, so that a device can check itself with nothing
but NumPy and its own runtime. The photos are synthetic: no plate in them belongs to anyone.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lightning_plates.agreement import Agreement
from lightning_plates.errors import InputError
from lightning_plates.photos import RgbImage
from lightning_plates.results import Detection
from lightning_plates.shipment import check_shipped

SUFFIX = ".golden.npz"
"""What follows the model file's name."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Photos with the best box that the source of a model finds in each."""

    photos: tuple[RgbImage, ...]
    """RGB, each of shape ``(H, W, 3)``."""
    answers: tuple[tuple[Detection, ...], ...]
    """One box a photo, in its pixels, however low its score and without a margin; or none."""
    score_threshold: float
    """Boxes with a lower score count as no plate found."""
    agreement: Agreement
    """How far the converted model was from its source on these photos when it was made."""
    precision: str
    """Of the converted model: ``fp32``, ``fp16`` or ``int8``."""


def golden_file(model: Path) -> Path:
    """Where the golden answers of ``model`` lie."""
    return model.with_name(model.name + SUFFIX)


def save_golden(golden: Golden, target: Path) -> None:
    """Write golden photos and answers to ``target``."""
    facts = {
        "version": 1,
        "answers": [[dataclasses.asdict(best) for best in one] for one in golden.answers],
        "score_threshold": golden.score_threshold,
        "agreement": dataclasses.asdict(golden.agreement),
        "precision": golden.precision,
    }
    arrays: dict[str, Any] = {
        f"photo_{number}": photo for number, photo in enumerate(golden.photos)
    }
    np.savez_compressed(target, facts=np.array(json.dumps(facts)), **arrays)


def load_golden(file: Path) -> Golden:
    """Read what :func:`save_golden` wrote.

    Raises:
        InputError: The file is missing or not such a file.
    """
    check_shipped(file)
    try:
        # NumPy leaves a file that it opened itself open when it is no archive.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            facts = json.loads(str(arrays["facts"]))
            photos = tuple(arrays[f"photo_{i}"] for i in range(len(facts["answers"])))
        return _golden(facts, photos)
    except FileNotFoundError as error:
        raise InputError(
            f"{file}: no golden answers beside the model; convert it again to get them"
        ) from error
    except (OSError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{file}: not a file of golden answers ({error})") from error


def _golden(facts: dict[str, Any], photos: tuple[RgbImage, ...]) -> Golden:
    if facts["version"] != 1:
        raise ValueError(f"version is {facts['version']!r}, this program reads version 1")
    answers = tuple(tuple(_detection(best) for best in one) for one in facts["answers"])
    agreement = Agreement(**facts["agreement"])
    return Golden(
        photos, answers, float(facts["score_threshold"]), agreement, str(facts["precision"])
    )


def _detection(fields: dict[str, Any]) -> Detection:
    x1, y1, x2, y2 = (float(value) for value in fields["box"])
    return Detection((x1, y1, x2, y2), fields["confidence"])
