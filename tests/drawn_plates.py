"""Plates as our own generator draws them, and a finder that answers their place."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tiny_onnx import save_constant_scored_model

from lightning_plates.data.synthetic.plate_look import clean, random_look, render_plate
from lightning_plates.data.synthetic.plates import PRIVATE, Plate

PHOTO_SIZE = (400, 300)
BOX = (100, 100, 300, 201)
"""Place of the plate in the photos of :func:`make_photos`, in pixels."""


def draw_crop(text: str, width: int = 200) -> Image.Image:
    """A clean plate ``text``, e.g. ``"BCR-456"``, from the front, on grey."""
    rng = np.random.default_rng(3)
    plate = Plate(PRIVATE, (text,))
    rgba = Image.fromarray(render_plate(plate, clean(random_look(rng, plate)), width, rng))
    crop = Image.new("RGB", rgba.size, (90, 95, 100))
    crop.paste(rgba, mask=rgba)
    return crop


def make_crops(folder: Path, texts: Sequence[str]) -> Path:
    """Crops and their ``text.csv``."""
    folder.mkdir(parents=True)
    with (folder / "text.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "text"])
        for number, text in enumerate(texts):
            draw_crop(text).save(folder / f"{number}.png")
            writer.writerow([f"{number}.png", text.replace("-", "")])
    return folder


def make_photos(folder: Path, texts: Sequence[str]) -> Path:
    """Photos with a plate at :data:`BOX`, and their ``boxes.csv`` with corners."""
    folder.mkdir(parents=True)
    x1, y1, x2, y2 = BOX
    corners = [x1, y1, x2, y1, x2, y2, x1, y2]
    with (folder / "boxes.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        names = [f"{corner}_{axis}" for corner in ("tl", "tr", "br", "bl") for axis in "xy"]
        writer.writerow(["file", "width", "height", "x1", "y1", "x2", "y2", "text", *names])
        for number, text in enumerate(texts):
            photo = Image.new("RGB", PHOTO_SIZE, (60, 80, 70))
            photo.paste(draw_crop(text), BOX[:2])
            photo.save(folder / f"{number}.png")
            row = [f"{number}.png", *PHOTO_SIZE, *BOX, text.replace("-", ""), *corners]
            writer.writerow(row)
    return folder


def save_finder(path: Path) -> Path:
    """A finder that answers :data:`BOX` for every photo of :data:`PHOTO_SIZE`."""
    # It letterboxes to a square, all of whose width the photo covers.
    share = [value / PHOTO_SIZE[0] for value in BOX]
    return save_constant_scored_model(path, [share], [0.9])
