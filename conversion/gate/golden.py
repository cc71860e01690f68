"""Makes the golden photos and answers that a converted model carries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lightning_plates.agreement import compare_answers
from lightning_plates.golden import Golden
from lightning_plates.photos import RgbImage
from lightning_plates.placement import place
from lightning_plates.tasks import task_of
from runtimes import Runtime, open_model

PHOTOS = 4
"""Enough to tell a wrong contract from chance, and small beside any model."""
LONG_SIDE = 256
"""Pixels."""


def draw_golden_photos() -> list[RgbImage]:
    """Small synthetic photos with a large plate, the same on every machine of one version."""
    from lightning_plates.data.synthetic.scene import SceneOptions, compose

    options = SceneOptions(size=LONG_SIDE, plate_width=(0.2, 0.35), several=0.0)
    drawn: list[RgbImage] = []
    for seed in range(100):
        photo = compose(np.random.default_rng(seed), options).pixels
        # A square photo would hide whether the resize mode is right.
        if photo.shape[0] != photo.shape[1]:
            drawn.append(photo)
        if len(drawn) == PHOTOS:
            break
    return drawn


def make_golden(
    hub_file: Path, converted: Path, runtime: str, precision: str, device: str | None = None
) -> Golden:
    """Draw golden photos, and let source and converted model answer them.

    Args:
        hub_file: The source; its answers are the golden ones.
        converted: The finished draft.
        runtime: What opens ``converted``.
        precision: Of ``converted``.
        device: What runs ``converted``; ``None`` takes the runtime's first.
    """
    photos = draw_golden_photos()
    with open_model(hub_file, runtime="onnxruntime") as source:
        expected, spec = best_answers(source, photos), source.spec
    with open_model(converted, runtime, device) as model:
        got = best_answers(model, photos)
    agreement = compare_answers(expected, got, spec)
    return Golden(tuple(photos), tuple(expected), spec.task, spec.options, agreement, precision)


def best_answers(model: Runtime, photos: Sequence[RgbImage]) -> list[Any]:
    """The best answer to each photo, however low its score and without a margin.

    A margin that a site adds to the converted model later must not break its golden answers.
    """
    task = task_of(model.spec)
    everything = task.bare(model.spec)
    answers = []
    for photo in photos:
        placement = place(photo.shape[1], photo.shape[0], model.spec)
        [found] = task.decode(model.predict([photo]), everything, [placement])
        answers.append(task.best(found))
    return answers
