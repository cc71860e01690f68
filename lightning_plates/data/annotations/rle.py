"""Run-length encoded masks of COCO: the box around one, without drawing it.

Runs go down the columns and begin with background. Compressed, they are text: five bits a
character, the sixth says that more follow; from the third number on, differences to the last but
one (Lin et al., the COCO API's ``maskApi.c``). That code trusts its input; this one checks it.
"""

from __future__ import annotations

from dataclasses import dataclass

from lightning_plates.boxes import BoxXyxy

_MOST_CHARACTERS = 7
"""Of one number; 35 bits are more than any photo has pixels."""


@dataclass(frozen=True, slots=True)
class RunLengths:
    """A mask as COCO files have it."""

    counts: list[int] | str
    size: tuple[int, int]
    """Height and width, in this order."""


def mask_box(mask: RunLengths) -> BoxXyxy:
    """Box around the mask, in pixels, ``x2`` and ``y2`` exclusive.

    Raises:
        ValueError: The runs do not fill the size, or there is nothing in the mask.
    """
    height, width = mask.size
    counts = _decompress(mask.counts) if isinstance(mask.counts, str) else mask.counts
    if min(counts, default=-1) < 0 or sum(counts) != height * width:
        raise ValueError(f"segmentation: its runs do not fill {width} x {height} pixels")
    xs, ys = [], []
    start = 0
    for place, count in enumerate(counts):
        if place % 2 and count:
            (first, top), (last, bottom) = divmod(start, height), divmod(start + count - 1, height)
            xs += [first, last]
            ys += [top, bottom] if first == last else [0, height - 1]
        start += count
    if not xs:
        raise ValueError("segmentation: an empty mask")
    return float(min(xs)), float(min(ys)), float(max(xs) + 1), float(max(ys) + 1)


def _decompress(text: str) -> list[int]:
    counts: list[int] = []
    value = characters = 0
    for letter in text:
        code = ord(letter) - 48
        if not 0 <= code < 64 or characters == _MOST_CHARACTERS:
            raise ValueError("segmentation: counts are no run lengths")
        value |= (code & 0x1F) << 5 * characters
        characters += 1
        if code & 0x20:
            continue
        if code & 0x10:
            value -= 1 << 5 * characters
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = characters = 0
    return counts
