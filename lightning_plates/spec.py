"""What a model expects and answers; it travels inside the model file's metadata.

Most "the exported model answers differently" reports are pre-processing. Everything that
:mod:`lightning_plates.processing` must know is written here once and read nowhere else.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from msgspec import Meta

from lightning_plates.errors import SpecError
from lightning_plates.schema import check_fields, convert, parse_json

METADATA_KEY = "lightning_plates.spec"
"""Key of the JSON text in an ONNX file's metadata, and of the sidecar of other formats."""

Triple: TypeAlias = tuple[float, float, float]

MAX_SIDE = 8192
"""Pixels; the largest detectors take 1,536. A spec that asks for more is damaged or an attack."""
MAX_PIXELS = 4096 * 4096
"""Of one input: 200 MB as float32."""

# Bounds keep NaN and infinity out too.
_Side: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_SIDE)]
_Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
_Bounded: TypeAlias = Annotated[float, Meta(ge=-1e6, le=1e6)]
_Positive: TypeAlias = Annotated[float, Meta(ge=1e-6, le=1e6)]
_Name: TypeAlias = Annotated[
    # Without control characters and halves of characters, which no terminal or file takes.
    str, Meta(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]*\Z")
]
_Shape: TypeAlias = tuple[str | int, ...]
Sizes: TypeAlias = tuple[int | None, ...]
"""Shape of a tensor; ``None`` where any size goes."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "layout": ("NCHW", "NHWC"),
    "colour_order": ("RGB", "BGR"),
    "resize": ("stretch", "letterbox"),
    "decoding": ("single_box", "scored_boxes"),
}
_OUTPUTS: dict[str, dict[str, _Shape]] = {
    "single_box": {"box": ("N", 4)},
    "scored_boxes": {"boxes": ("N", "A", 4), "scores": ("N", "A")},
}
"""Shape of each output; an axis with a letter has one size, wherever the letter stands."""


@dataclass(frozen=True, slots=True)
class FitMargin:
    """From the box that a network answers to the one that a site's labels would show.

    Conventions differ: some label the characters' field, others the plate, others its frame.

    Raises:
        SpecError: A scale is not positive, or a value is no finite number.
    """

    width_scale: _Positive
    """Labelled width in widths of the answer."""
    height_scale: _Positive
    """Labelled height in heights of the answer."""
    shift_x: _Bounded = 0.0
    """From the answer's centre to the labelled one, in widths of the answer; right is positive."""
    shift_y: _Bounded = 0.0
    """Likewise in heights; down is positive."""

    def __post_init__(self) -> None:
        check_fields(self, "model spec: margin", SpecError)

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
    """``stretch`` to the input's size, or ``letterbox``: keep the aspect, pad right and bottom."""
    decoding: str = "single_box"
    """``single_box``: output ``box`` ``(N, 4)``. ``scored_boxes``: outputs ``boxes`` ``(N, A, 4)``
    and ``scores`` ``(N, A)``. Boxes are ``x1, y1, x2, y2`` in 0–1 of the model's input."""
    score_threshold: _Share = 0.5
    """Boxes with a lower score are no answer (``scored_boxes`` only)."""
    max_overlap: _Share = 0.4
    """IoU above which the weaker of two boxes is dropped (``scored_boxes`` only)."""
    input_name: _Name = "image"
    """Name of the input tensor."""
    margin: FitMargin | None = None
    """What a site's labels make of every box; ``None`` leaves boxes as the network answers them."""

    def __post_init__(self) -> None:
        check_fields(self, "model spec", SpecError)
        for field, allowed in _CHOICES.items():
            if getattr(self, field) not in allowed:
                raise SpecError(
                    f"model spec: {field} is {getattr(self, field)!r}, expected one of {allowed}"
                )
        if self.width * self.height > MAX_PIXELS:
            raise SpecError(
                f"model spec: input size {self.width} × {self.height} is more than "
                f"{MAX_PIXELS:,} pixels"
            )

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the output tensors, in order."""
        return tuple(_OUTPUTS[self.decoding])

    @property
    def output_shapes(self) -> Mapping[str, Sizes]:
        """Shape of each output by name."""
        return {
            name: tuple(size if isinstance(size, int) else None for size in shape)
            for name, shape in _OUTPUTS[self.decoding].items()
        }

    def misfit(self, shapes: Mapping[str, Sizes | None], batch: int | None = None) -> str:
        """Say in a few words which output contradicts :attr:`decoding`; empty where none does.

        Args:
            shapes: Shape of each output by name; ``None`` where it is not known.
            batch: Photos in the batch, where that is known.
        """
        missing = sorted(set(self.output_names) - set(shapes))
        if missing:
            return f"outputs {sorted(shapes)} lack {missing}"
        known: dict[str | int, int] = {} if batch is None else {"N": batch}
        for name, wanted in _OUTPUTS[self.decoding].items():
            got = shapes[name]
            if got is not None and not _fits(got, wanted, known):
                return _describe_misfit(name, wanted, got)
        return ""

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
    def from_json(cls, text: str | bytes) -> ModelSpec:
        """Read what :meth:`to_json` wrote.

        Raises:
            SpecError: Not JSON, another version, or a field that is missing, unknown, of another
                type or outside its range; the message names it.
        """
        fields = parse_json(text, "model spec", SpecError)
        if not isinstance(fields, dict):
            raise SpecError(f"model spec: expected a JSON object, got {type(fields).__name__}")
        version = fields.pop("version", None)
        if type(version) is not int or version != 1:  # True is 1 to Python
            raise SpecError(f"model spec: version is {version!r}, this program reads version 1")
        return convert(fields, cls, "model spec", SpecError, known_keys_only=True)


def _fits(got: Sizes, wanted: _Shape, known: dict[str | int, int]) -> bool:
    """Compare axis by axis; what lettered axes are is noted in ``known``."""
    if len(got) != len(wanted):
        return False
    sizes = [(axis, size) for axis, size in zip(wanted, got, strict=True) if size is not None]
    return all(
        known.setdefault(axis, axis if isinstance(axis, int) else size) == size
        for axis, size in sizes
    )


def _describe_misfit(name: str, wanted: _Shape, got: Sizes) -> str:
    shown = ", ".join(map(str, wanted))
    found = ", ".join("any" if size is None else str(size) for size in got)
    return f"output {name!r} has shape ({found}), expected ({shown})"
