"""What a model expects and answers; it travels inside the model file's metadata.

Most "the exported model answers differently" reports are pre-processing. Everything that
:mod:`lightning_plates.processing` and the model's task must know is written here once and read
nowhere else.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from lightning_plates.errors import SpecError
from lightning_plates.schema import check_fields, convert, parse_json

METADATA_KEY = "lightning_plates.spec"
"""Key of the JSON text in an ONNX file's metadata, and of the sidecar of other formats."""

MAX_SIDE = 8192
"""Pixels; the largest detectors take 1,536. A spec that asks for more is damaged or an attack."""
MAX_PIXELS = 4096 * 4096
"""Of one input: 200 MB as float32."""

Triple: TypeAlias = tuple[float, float, float]

# Bounds keep NaN and infinity out too.
_Side: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_SIDE)]
_Bounded: TypeAlias = Annotated[float, Meta(ge=-1e6, le=1e6)]
_Positive: TypeAlias = Annotated[float, Meta(ge=1e-6, le=1e6)]
_Name: TypeAlias = Annotated[
    # Without control characters and halves of characters, which no terminal or file takes.
    str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]*\Z")
]

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "layout": ("NCHW", "NHWC"),
    "colour_order": ("RGB", "BGR"),
    "resize": ("stretch", "letterbox", "crop"),
}

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


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Input and output convention of one model.

    Raises:
        SpecError: A value is outside its range or contradicts another.
    """

    name: _Name
    """Name of the network, e.g. ``"mobilenet_v2"``."""
    width: _Side
    """Width of the input, in pixels."""
    height: _Side
    """Height of the input, in pixels."""
    mean: tuple[_Bounded, _Bounded, _Bounded] = (0.0, 0.0, 0.0)
    """Subtracted per channel from pixels already divided by 255."""
    std: tuple[_Positive, _Positive, _Positive] = (1.0, 1.0, 1.0)
    """Divides per channel after the mean was subtracted."""
    layout: str = "NCHW"
    """Order of the input's axes, ``NCHW`` or ``NHWC``."""
    colour_order: str = "RGB"
    """Order of the channels, ``RGB`` or ``BGR``; mean and std follow it."""
    resize: str = "stretch"
    """``stretch`` to the input's size; ``letterbox``: keep the aspect, pad right and bottom;
    ``crop``: scale the short side, keep the centre."""
    crop_share: Annotated[float, Meta(gt=0, le=1)] = 0.875
    """Input's side in sides of the scaled photo (``crop`` only); torchvision's 224 of 256."""
    task: _Name = "box"
    """What the model answers: a file of :mod:`lightning_plates.tasks`."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options of the task that differ from their defaults, as JSON values."""
    classes: tuple[_Name, ...] = ()
    """Names of what the model tells apart, in the order of its outputs; empty for one thing."""
    input_name: _Name = "image"
    """Name of the input tensor."""

    def __post_init__(self) -> None:
        check_fields(self, "model spec", SpecError)
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise SpecError(
                    f"model spec: {name} is {getattr(self, name)!r}, expected one of {allowed}"
                )
        if self.width * self.height > MAX_PIXELS:
            raise SpecError(
                f"model spec: input size {self.width} × {self.height} is more than "
                f"{MAX_PIXELS:,} pixels"
            )

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """Shape of the input for a batch of one."""
        if self.layout == "NCHW":
            return (1, 3, self.height, self.width)
        return (1, self.height, self.width, 3)

    def with_options(self, **changes: object) -> ModelSpec:
        """The same spec with some of its task's options changed.

        Args:
            changes: New value by option; a dataclass becomes its fields, ``None`` goes back to the
                default.
        """
        merged = {**self.options, **{name: _json_value(value) for name, value in changes.items()}}
        kept = {name: value for name, value in merged.items() if value is not None}
        return dataclasses.replace(self, options=kept)

    def to_json(self) -> str:
        """One line of JSON that :meth:`from_json` reads back."""
        return json.dumps({"version": 2, **dataclasses.asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> ModelSpec:
        """Read what :meth:`to_json` wrote, in this version or an earlier one.

        Raises:
            SpecError: Not JSON, a newer version, or a field that is missing, unknown, of another
                type or outside its range; the message names it.
        """
        fields = parse_json(text, "model spec", SpecError)
        if not isinstance(fields, dict):
            raise SpecError(f"model spec: expected a JSON object, got {type(fields).__name__}")
        version = fields.pop("version", None)
        if type(version) is not int or version not in {1, 2}:  # True is 1 to Python
            raise SpecError(f"model spec: version is {version!r}, this program reads 1 and 2")
        if version == 1:
            fields = _from_version_1(fields)
        return convert(fields, cls, "model spec", SpecError, known_keys_only=True)


_TASKS_OF_VERSION_1 = {"single_box": "box", "scored_boxes": "detection"}
_OPTIONS_OF_VERSION_1 = {"single_box": ("margin",)}
_ALL_OPTIONS_OF_VERSION_1 = ("score_threshold", "max_overlap", "margin")


def _from_version_1(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew two kinds of answers, ``decoding``, and their options as fields."""
    decoding = fields.pop("decoding", "single_box")
    if not isinstance(decoding, str) or decoding not in _TASKS_OF_VERSION_1:
        known = tuple(_TASKS_OF_VERSION_1)
        raise SpecError(f"model spec: decoding is {decoding!r}, expected one of {known}")
    given = {name: fields.pop(name) for name in _ALL_OPTIONS_OF_VERSION_1 if name in fields}
    if given.get("margin", ...) is None:
        del given["margin"]
    wanted = _OPTIONS_OF_VERSION_1.get(decoding, _ALL_OPTIONS_OF_VERSION_1)
    options = {name: value for name, value in given.items() if name in wanted}
    return {**fields, "task": _TASKS_OF_VERSION_1[decoding], "options": options}


def _json_value(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value
