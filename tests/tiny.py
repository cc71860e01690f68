"""A small annotated set with known answers, made once a session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 64
"""Width and height of the photos, in pixels."""


def make_plate_set(folder: Path, count: int, seed: int = 0) -> Path:
    """Write ``count`` noisy photos with one white plate each, and their ``boxes.csv``.

    The first photo has a second, smaller plate; the last has none.
    """
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["file,width,height,x1,y1,x2,y2,text"]
    for number in range(count):
        pixels = generator.integers(0, 90, (SIZE, SIZE, 3), dtype=np.uint8)
        x, y = (int(value) for value in generator.integers(4, 28, 2))
        pixels[y : y + 14, x : x + 28] = 250
        name = f"photo{number:03d}.png"
        Image.fromarray(pixels).save(folder / name)
        if number < count - 1:
            rows.append(f"{name},{SIZE},{SIZE},{x},{y},{x + 28},{y + 14},")
        if number == 0:
            rows.append(f"{name},{SIZE},{SIZE},0,0,8,4,")
    (folder / "boxes.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder
