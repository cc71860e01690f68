"""What trials put in place of parts that are slow and are not what they damage."""

from __future__ import annotations

import csv
from pathlib import Path

from drawn_plates import BOX, PHOTO_SIZE

from lightning_plates.reading.characters import Belief, believe
from lightning_plates.reading.ocr.rapidocr import RapidOcr


def read_the_same_text_everywhere(text: str = "BCR456") -> None:
    """Let the default engine answer ``text`` at once, whatever it is shown."""
    belief = believe(text, [0.9] * len(text))

    def open_nothing(engine: RapidOcr, threads: int | None) -> None:
        """No weights to load."""

    def answer(engine: RapidOcr, row: object) -> Belief:
        return belief

    RapidOcr._open, RapidOcr._read = open_nothing, answer  # type: ignore[method-assign, assignment]


def labelled_photos(folder: Path, count: int) -> None:
    """Grey photos that differ, with a plate at ``drawn_plates.BOX`` and their ``boxes.csv``."""
    from PIL import Image

    folder.mkdir(parents=True)
    with (folder / "boxes.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "width", "height", "x1", "y1", "x2", "y2", "text"])
        for number in range(count):
            Image.new("RGB", PHOTO_SIZE, (90 + number, 95, 100)).save(folder / f"{number}.png")
            writer.writerow([f"{number}.png", *PHOTO_SIZE, *BOX, "BCR456"])
