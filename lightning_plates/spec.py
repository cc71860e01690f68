"""What a model expects and answers; it travels inside the model file's metadata.

Most "the exported model answers differently" reports are pre-processing. Everything that
:mod:`lightning_plates.processing` and the model's task must know is written here once and read
nowhere else.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta

from lightning_plates.errors import SpecError
from lightning_plates.schema import convert, parse_json

METADATA_KEY = "lightning_plates.spec"
"""Key of the JSON text in an ONNX file's metadata, and of the sidecar of other formats."""

MAX_SIDE = 8192
"""Longest side of a model's input, in pixels: 0.8 GB as float32."""

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "layout": ("NCHW", "NHWC"),
    "colour_order": ("RGB", "BGR"),
    "resize": ("stretch", "letterbox", "crop"),
}

Triple: TypeAlias = tuple[float, float, float]
Side: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_SIDE)]

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

    name: str
    """Name of the network, e.g. ``"mobilenet_v2"``."""
    width: Side
    """Width of the input, in pixels."""
    height: Side
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
    """``stretch`` to the input's size; ``letterbox``: keep the aspect, pad right and bottom;
    ``crop``: scale the short side, keep the centre."""
    crop_share: Annotated[float, Meta(gt=0, le=1)] = 0.875
    """Input's side in sides of the scaled photo (``crop`` only); torchvision's 224 of 256."""
    task: str = "box"
    """What the model answers: a file of :mod:`lightning_plates.tasks`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the task that differ from their defaults, as JSON values."""
    classes: tuple[str, ...] = ()
    """Names of what the model tells apart, in the order of its outputs; empty for one thing."""
    input_name: str = "image"
    """Name of the input tensor."""

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise SpecError(
                    f"model spec: {name} is {getattr(self, name)!r}, expected one of {allowed}"
                )
        if min(self.width, self.height) < 1:
            raise SpecError(f"model spec: input size {self.width} × {self.height} is empty")
        if not all(map(math.isfinite, (*self.mean, *self.std))):
            raise SpecError(f"model spec: mean {self.mean} and std {self.std} must be finite")
        if min(self.std) <= 0:
            raise SpecError(f"model spec: std {self.std} must be positive")

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """Shape of the input for a batch of one."""
        if self.layout == "NCHW":
            return (1, 3, self.height, self.width)
        return (1, self.height, self.width, 3)

    def with_options(self, **changes: Any) -> ModelSpec:  # noqa: ANN401 -- JSON values or dataclasses
        """The same spec with some of its task's options changed; ``None`` goes back to the default.

        Args:
            changes: New value by option; a dataclass becomes its fields.
        """
        merged = {**self.options, **{name: _json_value(value) for name, value in changes.items()}}
        kept = {name: value for name, value in merged.items() if value is not None}
        return dataclasses.replace(self, options=kept)

    def to_json(self) -> str:
        """One line of JSON that :meth:`from_json` reads back."""
        return json.dumps({"version": 2, **dataclasses.asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Read what :meth:`to_json` wrote, in this version or an earlier one.

        Raises:
            SpecError: Not JSON, a newer version, or fields that are missing, unknown or wrong.
        """
        fields = convert(
            parse_json(text, "model spec", SpecError), dict[str, Any], "model spec", SpecError
        )
        version = fields.pop("version", None)
        if version == 1:
            fields = _from_version_1(fields)
        elif version != 2:
            raise SpecError(f"model spec: version is {version!r}, this program reads 1 and 2")
        unknown = sorted(set(fields) - {one.name for one in dataclasses.fields(cls)})
        if unknown:
            raise SpecError(f"model spec: unknown field {unknown[0]!r}")
        return convert(fields, cls, "model spec", SpecError)


def _from_version_1(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew two kinds of answers, ``decoding``, and their options as fields."""
    tasks = {"single_box": "box", "scored_boxes": "detection"}
    decoding = fields.pop("decoding", "single_box")
    if decoding not in tasks:
        raise SpecError(f"model spec: decoding is {decoding!r}, expected one of {list(tasks)}")
    options = {name: fields.pop(name) for name in _OPTIONS_OF_VERSION_1 if name in fields}
    if decoding == "single_box":
        options = {name: value for name, value in options.items() if name == "margin"}
    known = {name: value for name, value in options.items() if value is not None}
    return {**fields, "task": tasks[decoding], "options": known}


_OPTIONS_OF_VERSION_1 = ("score_threshold", "max_overlap", "margin")


def _json_value(value: Any) -> Any:  # noqa: ANN401 -- whatever an option holds
    is_options = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return dataclasses.asdict(value) if is_options else value
