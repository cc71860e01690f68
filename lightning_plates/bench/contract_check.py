"""Does a converted model answer on this machine as it did where it was made; and if not, why.

Most reports of "the exported model answers differently" are pre-processing. So each item of the
contract is tried in turn, and the one that restores the golden answers is named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lightning_plates import processing
from lightning_plates.agreement import Agreement, compare_answers
from lightning_plates.golden import Golden
from lightning_plates.photos import RgbImage
from lightning_plates.spec import SCALINGS, ModelSpec
from lightning_plates.tasks import Outputs, task_of
from runtimes import Runtime

MARGIN_LIKENESS = 0.02
"""Mean likeness that another machine's arithmetic may cost beyond what the conversion did."""
MARGIN_SCORE = 0.05
"""Difference of a score that it may cost beyond that; FP16 is allowed as much at a conversion."""
SAME_ANSWER = 0.6
"""Answers that are so alike come from a sound contract and coarser arithmetic …"""
SAME_SCORE = 0.3
"""… if their scores differ by no more: a little above what a conversion to INT8 may cost."""
_SCALINGS = {
    "0–1": SCALINGS["unit"],
    "−1–1": SCALINGS["symmetric"],
    "0–255": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)),
    "ImageNet mean and std": SCALINGS["imagenet"],
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
    read: Callable[[Outputs], Outputs] | None = None
    """How the outputs are read; ``None`` as the contract says."""


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
    found, cause = max(tried, key=lambda pair: (_agrees(pair[0], golden), pair[0].mean_likeness))
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
    for resize in ("stretch", "letterbox", "crop"):
        if resize != spec.resize:
            yield Hypothesis("resize mode", resize, dataclasses.replace(spec, resize=resize))
    for name, (mean, std) in _SCALINGS.items():
        if (mean, std) != (spec.mean, spec.std):
            yield Hypothesis("scaling", name, dataclasses.replace(spec, mean=mean, std=std))
    for name, read in task_of(spec).conventions(spec).items():
        yield Hypothesis("decoding", name, spec, read)


def _agrees(agreement: Agreement, golden: Golden) -> bool:
    """Same answers, as sure: a model that hardly believes in its answer would drop it."""
    made = golden.agreement
    return (
        agreement.mean_likeness >= made.mean_likeness - MARGIN_LIKENESS
        and agreement.max_score_difference <= made.max_score_difference + MARGIN_SCORE
    )


def _is_coarser(agreement: Agreement) -> bool:
    return agreement.mean_likeness >= SAME_ANSWER and agreement.max_score_difference <= SAME_SCORE


def _try(model: Runtime, golden: Golden, change: Hypothesis) -> Agreement:
    answers = [_answer(model, photo, change) for photo in golden.photos]
    stated = dataclasses.replace(model.spec, task=golden.task, options=dict(golden.options))
    return compare_answers(golden.answers, answers, stated)


def _answer(model: Runtime, photo: RgbImage, change: Hypothesis) -> Any:  # noqa: ANN401 -- by task
    """The best answer to one photo under the changed contract, as golden answers are: bare."""
    task = task_of(change.spec)
    batch, placements = processing.prepare([photo], change.spec)
    outputs = model.run({change.spec.input_name: batch})
    if change.read is not None:
        outputs = change.read(outputs)
    [found] = task.decode(outputs, task.bare(change.spec), placements)
    return task.best(found)
