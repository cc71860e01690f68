"""Does a converted model answer on this machine as it did where it was made; and if not, why.

Most reports of "the exported model answers differently" are pre-processing. So each item of the
contract is tried in turn, and the one that restores the golden answers is named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from lightning_plates import processing
from lightning_plates.agreement import Agreement, compare_answers
from lightning_plates.boxes import Detection, FloatArray
from lightning_plates.golden import Golden
from lightning_plates.photos import RgbImage
from lightning_plates.spec import ModelSpec
from runtimes import Runtime

MARGIN_IOU = 0.02
"""Mean IoU that another machine's arithmetic may cost beyond what the conversion did."""
MARGIN_SCORE = 0.05
"""Difference of a score that it may cost beyond that; FP16 is allowed as much at a conversion."""
SAME_PLACE_IOU = 0.6
"""Answers that overlap so much come from a sound contract and coarser arithmetic …"""
SAME_SCORE = 0.3
"""… if their scores differ by no more: a little above what a conversion to INT8 may cost."""
Redraw: TypeAlias = Callable[[FloatArray], FloatArray]
"""Reads boxes, shape ``(…, 4)``, by another convention; gives ``x1, y1, x2, y2`` in 0–1."""

_SCALINGS = {
    "0–1": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "−1–1": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "0–255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
    # The mean and deviation of ImageNet's photos, as torchvision's models expect them.
    "ImageNet mean and std": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One way in which the contract may be wrong."""

    item: str
    """Item of the contract, e.g. ``"colour order"``."""
    instead: str
    """What the model seems to expect, e.g. ``"BGR"``."""
    spec: ModelSpec
    """The contract with that change."""
    redraw: Redraw | None = None
    """How the boxes are read; ``None`` as the contract says."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found."""

    agrees: bool
    agreement: Agreement
    """With the golden answers."""
    cause: Hypothesis | None
    """The change that restores them, where one does."""
    precision: bool
    """Whether only coarser arithmetic is left to explain the difference."""


def check_contract(model: Runtime, golden: Golden) -> Verdict:
    """Run the golden photos and, where the answers differ, look for the reason.

    Args:
        model: The opened model.
        golden: What came with it.
    """
    as_stated = Hypothesis("", "", model.spec)
    agreement = _try(model, golden, as_stated)
    if _agrees(agreement, golden):
        return Verdict(True, agreement, None, False)
    tried = [(_try(model, golden, change), change) for change in hypotheses(model)]
    found, cause = max(tried, key=lambda pair: (_agrees(pair[0], golden), pair[0].mean_iou))
    if _agrees(found, golden):
        return Verdict(False, agreement, cause, False)
    return Verdict(False, agreement, None, _is_coarser(agreement))


def hypotheses(model: Runtime) -> Iterator[Hypothesis]:
    """Everything that is tried, one change each.

    A wrong layout needs no trial: the runtime refuses a spec that contradicts the graph's shape.
    """
    spec = model.spec
    colours = "BGR" if spec.colour_order == "RGB" else "RGB"
    yield Hypothesis("colour order", colours, dataclasses.replace(spec, colour_order=colours))
    resize = "letterbox" if spec.resize == "stretch" else "stretch"
    yield Hypothesis("resize mode", resize, dataclasses.replace(spec, resize=resize))
    for name, (mean, std) in _SCALINGS.items():
        if (mean, std) != (spec.mean, spec.std):
            yield Hypothesis("scaling", name, dataclasses.replace(spec, mean=mean, std=std))
    for name, redraw in _conventions(spec).items():
        yield Hypothesis("box decoding", name, spec, redraw=redraw)


def _conventions(spec: ModelSpec) -> dict[str, Redraw]:
    size = np.array([spec.width, spec.height] * 2, dtype=np.float64)
    return {
        "y1, x1, y2, x2": lambda boxes: boxes[..., [1, 0, 3, 2]],
        "x, y, width, height": lambda boxes: np.concatenate(
            [boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1
        ),
        "centre x, centre y, width, height": lambda boxes: np.concatenate(
            [boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2], axis=-1
        ),
        "pixels of the input": lambda boxes: boxes / size,
    }


def _agrees(agreement: Agreement, golden: Golden) -> bool:
    """Same boxes, as sure of them: a finder that hardly believes in its box would drop it."""
    made = golden.agreement
    return (
        agreement.mean_iou >= made.mean_iou - MARGIN_IOU
        and agreement.max_score_difference <= made.max_score_difference + MARGIN_SCORE
    )


def _is_coarser(agreement: Agreement) -> bool:
    return agreement.mean_iou >= SAME_PLACE_IOU and agreement.max_score_difference <= SAME_SCORE


def _try(model: Runtime, golden: Golden, change: Hypothesis) -> Agreement:
    answers = [_answer(model, photo, change) for photo in golden.photos]
    return compare_answers(golden.answers, answers, golden.score_threshold)


def _answer(model: Runtime, photo: RgbImage, change: Hypothesis) -> Sequence[Detection]:
    """The best box of one photo under the changed contract, as golden answers are: bare."""
    batch, placements = processing.prepare([photo], change.spec)
    outputs = dict(model.run({change.spec.input_name: batch}))
    if change.redraw is not None:
        name = change.spec.output_names[0]
        outputs[name] = change.redraw(np.asarray(outputs[name], dtype=np.float64))
    [found] = processing.decode(outputs, change.spec.bare(), placements)
    return found[:1]
