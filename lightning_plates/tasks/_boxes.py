"""What the tasks that answer boxes share: margin, overlap, score, packing and drawing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lightning_plates.boxes import (
    HIT_IOU,
    BoxXyxy,
    Detection,
    FitMargin,
    FloatArray,
    apply_margin,
    box_iou,
    corners_of,
    scale_box,
    share_above,
)
from lightning_plates.errors import ModelError
from lightning_plates.placement import Placement
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks._base import (
    Image,
    Likeness,
    OutputMeaning,
    Outputs,
    Reading,
    Score,
    Task,
)

Detections: TypeAlias = tuple[Detection, ...]
"""Objects in one photo, in its pixels, best first."""


@dataclass(frozen=True)
class BoxOptions:
    """Options of a task that answers boxes."""

    margin: FitMargin | None = None
    """How a site's labels differ from the network's boxes; ``None`` leaves boxes as answered."""


class BoxTask(Task[Detections, FloatArray]):
    """Answers boxes, measured on labelled boxes of shape ``(N, 4)`` in pixels of the photo."""

    target = "boxes"
    metric = "IoU ≥ 0.5"
    likeness = "IoU"
    columns = ("x1", "y1", "x2", "y2", "confidence")

    def decode(
        self, outputs: Outputs, spec: ModelSpec, placements: Sequence[Placement]
    ) -> list[Detections]:
        """Boxes in pixels of each photo, best first; see :meth:`Task.decode`."""
        options: BoxOptions = self.options(spec)
        tensors = self.arrays(outputs, spec, len(placements))
        found = [
            self._decode_one([tensor[i] for tensor in tensors], spec, options, placement)
            for i, placement in enumerate(placements)
        ]
        return [
            apply_margin(one, options.margin, placement.width, placement.height)
            for one, placement in zip(found, placements, strict=True)
        ]

    @abstractmethod
    def _decode_one(
        self,
        tensors: Sequence[FloatArray],
        spec: ModelSpec,
        options: Any,  # noqa: ANN401 -- an instance of Options
        placement: Placement,
    ) -> Detections:
        """Boxes of one photo, before the margin."""

    def best(self, answer: Detections) -> Detections:
        """The best box, or none."""
        return answer[:1]

    def agree(self, expected: Detections, got: Detections, spec: ModelSpec) -> Likeness:
        """Overlap of the two best boxes; 1 where both sides find nothing."""
        threshold = self._threshold(spec)
        ours, theirs = _first(expected), _first(got)
        answered = any(_counts(one, threshold) for one in (ours, theirs))
        value = _overlap(ours, theirs) if answered else 1.0
        return Likeness(value, answered, abs(_confidence(ours) - _confidence(theirs)))

    def _threshold(self, spec: ModelSpec) -> float:
        """Score below which a box is no answer."""
        return 0.0

    def score(self, answers: Sequence[Detections], labels: Sequence[FloatArray]) -> Score:
        """Overlap of the best box with the labelled box that it covers best, photo by photo."""
        rows = tuple(
            _measure(_first(answer), boxes) for answer, boxes in zip(answers, labels, strict=True)
        )
        return Score(share_above([row["iou"] for row in rows], HIT_IOU), rows)

    def scaled(self, answer: Detections, across: float, down: float) -> Detections:
        """Boxes in pixels of a larger photo."""
        return tuple(replace(one, box=scale_box(one.box, across, down)) for one in answer)

    def pack(self, answer: Detections) -> Mapping[str, NDArray[Any]]:
        """``boxes`` ``(N, 4)`` and ``confidences`` ``(N,)``, NaN where there is none."""
        confidences = [np.nan if one.confidence is None else one.confidence for one in answer]
        packed: dict[str, NDArray[Any]] = {
            "boxes": np.array([one.box for one in answer], dtype=np.float64).reshape(-1, 4),
            "confidences": np.array(confidences, dtype=np.float64),
        }
        if any(one.class_name is not None for one in answer):
            packed["classes"] = np.array([one.class_name or "" for one in answer])
        return packed

    def unpack(self, arrays: Mapping[str, NDArray[Any]]) -> Detections:
        """Read what :meth:`pack` gave."""
        boxes = np.asarray(arrays["boxes"], dtype=np.float64)
        confidences = np.asarray(arrays["confidences"], dtype=np.float64)
        if boxes.ndim != 2 or boxes.shape[1] != 4 or confidences.shape != boxes.shape[:1]:
            raise ValueError(f"boxes have shape {boxes.shape}, confidences {confidences.shape}")
        classes = arrays.get("classes")
        names = [None] * len(boxes) if classes is None else [str(name) or None for name in classes]
        return tuple(
            Detection(corners_of(box), None if np.isnan(sure) else float(sure), name)
            for box, sure, name in zip(boxes, confidences, names, strict=True)
        )

    def draw(self, image: Image, answer: Detections) -> Image:
        """Boxes with class and confidence above them."""
        from lightning_plates.drawing import Mark, draw_marks  # here: Pillow's fonts take time

        return draw_marks(image, [Mark(one.box, caption=_caption(one)) for one in answer])

    def describe(self, answer: Detections) -> str:
        """Place and confidence of every box."""
        return "; ".join(map(_describe, answer)) or "no plate found"

    def record(self, answer: Detections) -> dict[str, Any]:
        """``plates``: a list of boxes with their confidence, best first."""
        return {"plates": [_record(one) for one in answer]}

    def cells(self, answer: Detections) -> list[list[str]]:
        """One row a box."""
        return [
            [
                *(f"{x:.2f}" for x in one.box),
                "" if one.confidence is None else f"{one.confidence:.4f}",
            ]
            for one in answer
        ]

    def conventions(self, spec: ModelSpec) -> Mapping[str, Reading]:
        """Other orders and units of the four numbers of a box."""
        size = np.array([spec.width, spec.height] * 2, dtype=np.float64)
        output = next(iter(self.outputs(spec)))
        readings: dict[str, Callable[[FloatArray], FloatArray]] = {
            "y1, x1, y2, x2": lambda boxes: boxes[..., [1, 0, 3, 2]],
            "x, y, width, height": lambda boxes: np.concatenate(
                [boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1
            ),
            "centre x, centre y, width, height": lambda boxes: np.concatenate(
                [boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., :2] + boxes[..., 2:] / 2], axis=-1
            ),
            "pixels of the input": lambda boxes: boxes / size,
        }
        return {name: _rereading(output, redraw) for name, redraw in readings.items()}

    def meaning(self, output: str, spec: ModelSpec) -> OutputMeaning:
        """What a box output holds."""
        return OutputMeaning("The plate's box: x1, y1, x2, y2 in 0-1 of the input.", True)


def require_numbers(values: FloatArray, spec: ModelSpec) -> None:
    """Refuse NaN and infinity: half precision overflows where activations are large.

    Raises:
        ModelError: "no plate" would be a wrong answer.
    """
    if not np.isfinite(values).all():
        raise ModelError(
            f"model {spec.name}: answers NaN or infinity on this runtime and device; take a file "
            "of higher precision, or convert it again"
        )


def _rereading(output: str, redraw: Callable[[FloatArray], FloatArray]) -> Reading:
    def reading(outputs: Outputs) -> Outputs:
        return {**outputs, output: redraw(np.asarray(outputs[output], dtype=np.float64))}

    return reading


def _first(answer: Detections) -> Detection | None:
    return answer[0] if answer else None


def _counts(one: Detection | None, threshold: float) -> bool:
    return one is not None and (one.confidence is None or one.confidence >= threshold)


def _confidence(one: Detection | None) -> float:
    return 0.0 if one is None or one.confidence is None else one.confidence


def _overlap(first: Detection | None, second: Detection | None) -> float:
    if first is None or second is None or first.class_name != second.class_name:
        return 0.0
    if first.box == second.box:  # an empty box overlaps nothing, not even itself
        return 1.0
    return float(box_iou(np.array(first.box), np.array(second.box)))


def _measure(best: Detection | None, labels: FloatArray) -> dict[str, float]:
    if best is None or not len(labels):
        return {"iou": 0.0}
    return {"iou": float(box_iou(np.array(best.box), labels).max())}


def _caption(one: Detection) -> str:
    words = [one.class_name or "", "" if one.confidence is None else f"{one.confidence:.2f}"]
    return " ".join(filter(None, words))


def _describe(one: Detection) -> str:
    x1, y1, x2, y2 = one.box
    text = f"{one.class_name or 'plate'} at x {x1:.0f}–{x2:.0f}, y {y1:.0f}–{y2:.0f} px"
    return text if one.confidence is None else f"{text} ({one.confidence:.0%})"


def _record(one: Detection) -> dict[str, Any]:
    box: BoxXyxy = one.box
    known = {"box": list(box), "confidence": one.confidence}
    return known if one.class_name is None else {**known, "class": one.class_name}
