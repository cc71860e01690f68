"""Runs a hub file and what came of it on the same photos."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from conversion.gate.parity import Outputs, Parity, measure_parity
from lightning_plates.photos import RgbImage, load_photo
from lightning_plates.spec import ModelSpec
from runtimes import Runtime, open_model


def answer_photos(model: Runtime, photos: Sequence[RgbImage]) -> Outputs:
    """Outputs by name for at least one photo, run one by one as a device does; batch first."""
    parts = [model.predict([photo]) for photo in photos]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def compare_files(
    hub_file: Path,
    converted: Path,
    photos: Sequence[RgbImage],
    runtime: str | None = None,
    device: str | None = None,
) -> Parity:
    """Run a hub file and a converted model on the same photos, one by one as a device does.

    Args:
        hub_file: The source.
        converted: What came of it; its own spec prepares its input.
        photos: RGB photos of any sizes.
        runtime: What opens ``converted``; ``None`` chooses by its ending.
        device: What runs ``converted``; ``None`` takes the runtime's first.
    """
    expected, spec = _answers_of_hub(hub_file, photos)
    return _compare(expected, spec, converted, photos, runtime, device)


def compare_again(
    hub_file: Path,
    hub_sha256: str,
    converted: Path,
    files: tuple[Path, ...],
    runtime: str,
    device: str | None = None,
) -> Parity:
    """The same for one of several trials: the hub answers the photos of ``files`` only once."""
    expected, spec = _remembered_answers(hub_file, hub_sha256, files)
    return _compare(expected, spec, converted, _load(files), runtime, device)


def _compare(
    expected: Outputs, spec: ModelSpec, converted: Path, photos: Sequence[RgbImage],
    runtime: str | None, device: str | None,
) -> Parity:  # fmt: skip
    with open_model(converted, runtime, device) as model:
        return measure_parity(expected, answer_photos(model, photos), spec)


def _answers_of_hub(hub_file: Path, photos: Sequence[RgbImage]) -> tuple[Outputs, ModelSpec]:
    with open_model(hub_file, runtime="onnxruntime") as source:
        return answer_photos(source, photos), source.spec


@functools.lru_cache(maxsize=1)
def _remembered_answers(
    hub_file: Path, hub_sha256: str, files: tuple[Path, ...]
) -> tuple[Outputs, ModelSpec]:
    """The hash is there so that a file that was replaced is not taken for the one before."""
    return _answers_of_hub(hub_file, _load(files))


def _load(files: Sequence[Path]) -> list[RgbImage]:
    return [load_photo(file) for file in files]
