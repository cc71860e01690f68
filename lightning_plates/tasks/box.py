"""One box a photo, without a score: what the thesis' regressors answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lightning_plates.boxes import Detection, FloatArray, corners_of, order_corners
from lightning_plates.placement import Placement
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks._base import Shape
from lightning_plates.tasks._boxes import BoxOptions, BoxTask, Detections, require_numbers


class SingleBox(BoxTask):
    """Output ``box`` ``(N, 4)``: ``x1, y1, x2, y2`` in 0–1 of the input."""

    name = "box"
    Options = BoxOptions

    def outputs(self, spec: ModelSpec) -> Mapping[str, Shape]:
        """The one output."""
        return {"box": ("N", 4)}

    def bare(self, spec: ModelSpec) -> ModelSpec:
        """Without a margin."""
        return spec.with_options(margin=None)

    def _decode_one(
        self,
        tensors: Sequence[FloatArray],
        spec: ModelSpec,
        options: BoxOptions,
        placement: Placement,
    ) -> Detections:
        [box] = tensors
        require_numbers(box, spec)
        return (Detection(corners_of(placement.to_photo(order_corners(box))), None),)
