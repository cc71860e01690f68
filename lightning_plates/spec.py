"""What a model expects and answers; it travels inside the model file's metadata.

Most "the exported model answers differently" reports are pre-processing. Everything that
:mod:`lightning_plates.processing` must know is written here once and read nowhere else.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from lightning_plates.errors import SpecError

METADATA_KEY = "lightning_plates.spec"
"""Key of the JSON text in an ONNX file's metadata, and of the sidecar of other formats."""

Triple: TypeAlias = tuple[float, float, float]

_CHOICES: dict[str, tuple[str, ...]] = {
    "layout": ("NCHW", "NHWC"),
    "colour_order": ("RGB", "BGR"),
    "resize": ("stretch", "letterbox"),
    "decoding": ("single_box", "scored_boxes"),
}
_OUTPUTS: dict[str, tuple[str, ...]] = {"single_box": ("box",), "scored_boxes": ("boxes", "scores")}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Input and output convention of one model.

    Raises:
        SpecError: A value is outside its range or contradicts another.
    """

    name: str
    """Name of the network, e.g. ``"mobilenet_v2"``."""
    width: int
    """Width of the input, in pixels."""
    height: int
    """Height of the input, in pixels."""
    mean: Triple = (0.0, 0.0, 0.0)
    """Subtracted per channel from pixels already divided by 255."""
    std: Triple = (1.0, 1.0, 1.0)
    """Divides per channel after the mean was subtracted."""
    layout: str = "NCHW"
    """Order of the input's axes, ``NCHW`` or ``NHWC``."""
    colour_order: str = "RGB"
    """Order of the channels, ``RGB`` or ``BGR``; mean and std follow it."""
    resize: str = "stretch"
    """``stretch`` to the input's size, or ``letterbox``: keep the aspect, pad right and bottom."""
    decoding: str = "single_box"
    """``single_box``: output ``box`` ``(N, 4)``. ``scored_boxes``: outputs ``boxes`` ``(N, A, 4)``
    and ``scores`` ``(N, A)``. Boxes are ``x1, y1, x2, y2`` in 0–1 of the model's input."""
    score_threshold: float = 0.5
    """Boxes with a lower score are no answer (``scored_boxes`` only)."""
    max_overlap: float = 0.4
    """IoU above which the weaker of two boxes is dropped (``scored_boxes`` only)."""
    input_name: str = "image"
    """Name of the input tensor."""

    def __post_init__(self) -> None:
        for field, allowed in _CHOICES.items():
            if getattr(self, field) not in allowed:
                raise SpecError(
                    f"model spec: {field} is {getattr(self, field)!r}, expected one of {allowed}"
                )
        if min(self.width, self.height) < 1:
            raise SpecError(f"model spec: input size {self.width} × {self.height} is empty")
        if min(self.std) <= 0:
            raise SpecError(f"model spec: std {self.std} must be positive")

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the output tensors, in order."""
        return _OUTPUTS[self.decoding]

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """Shape of the input for a batch of one."""
        if self.layout == "NCHW":
            return (1, 3, self.height, self.width)
        return (1, self.height, self.width, 3)

    def to_json(self) -> str:
        """One line of JSON that :meth:`from_json` reads back."""
        return json.dumps({"version": 1, **dataclasses.asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Read what :meth:`to_json` wrote.

        Raises:
            SpecError: Not JSON, another version, or fields that are missing or unknown.
        """
        fields = _parse_object(text)
        version = fields.pop("version", None)
        if version != 1:
            raise SpecError(f"model spec: version is {version!r}, this program reads version 1")
        for name in ("mean", "std"):
            if isinstance(fields.get(name), list):
                fields[name] = tuple(fields[name])
        try:
            return cls(**fields)
        except TypeError as error:
            raise SpecError(f"model spec: {error}") from error


def _parse_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise SpecError(f"model spec: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise SpecError(f"model spec: expected a JSON object, got {type(value).__name__}")
    return value
