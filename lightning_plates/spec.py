"""What a model expects and answers; it travels inside the model file's metadata.

Most "the exported model answers differently" reports are pre-processing. Everything that
:mod:`lightning_plates.processing` must know is written here once and read nowhere else.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

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
class FitMargin:
    """From the box that a network answers to the one that a site's labels would show.

    Conventions differ: some label the characters' field, others the plate, others its frame.

    Raises:
        SpecError: A scale is not positive, or a value is not finite.
    """

    width_scale: float
    """Labelled width in widths of the answer."""
    height_scale: float
    """Labelled height in heights of the answer."""
    shift_x: float = 0.0
    """From the answer's centre to the labelled one, in widths of the answer; right is positive."""
    shift_y: float = 0.0
    """Likewise in heights; down is positive."""

    def __post_init__(self) -> None:
        values = dataclasses.astuple(self)
        if not all(isinstance(value, (int, float)) and math.isfinite(value) for value in values):
            raise SpecError(f"model spec: margin {values} must be four finite numbers")
        if min(self.width_scale, self.height_scale) <= 0:
            raise SpecError(f"model spec: margin {values} needs positive scales")

    def describe(self) -> str:
        """One line for people."""
        return (
            f"width × {self.width_scale:.3f}, height × {self.height_scale:.3f}, centre moved by "
            f"{self.shift_x:+.3f} widths and {self.shift_y:+.3f} heights"
        )


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
    margin: FitMargin | None = None
    """What a site's labels make of every box; ``None`` leaves boxes as the network answers them."""

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
        if not isinstance(self.margin, FitMargin | None):
            raise SpecError(f"model spec: margin is {self.margin!r}, expected an object")

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

    def bare(self) -> ModelSpec:
        """The same convention for whoever compares networks: every box, and none moved."""
        return dataclasses.replace(self, score_threshold=0.0, margin=None)

    def to_json(self) -> str:
        """One line of JSON that :meth:`from_json` reads back.

        A spec without a margin has no such key, so that programs older than margins read it; one
        with a margin is refused by them instead of being decoded without it.
        """
        fields = {"version": 1, **dataclasses.asdict(self)}
        if self.margin is None:
            del fields["margin"]
        return json.dumps(fields, sort_keys=True)

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
            if isinstance(fields.get("margin"), dict):
                fields["margin"] = FitMargin(**fields["margin"])
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


Scaling = Literal["imagenet", "unit", "symmetric"]
"""Name of an input scaling; :data:`SCALINGS` says what it does."""

SCALINGS: Mapping[Scaling, tuple[Triple, Triple]] = {
    # Means and standard deviations of ImageNet's channels, as torchvision uses them.
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    # −1 to 1, as the networks from TensorFlow's model zoo expect.
    "symmetric": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}
"""Mean and standard deviation by name; pixels are divided by 255 first."""
