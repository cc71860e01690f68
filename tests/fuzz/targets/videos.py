"""Videos in several containers and codecs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from drawn_plates import PHOTO_SIZE, save_finder

from tests.fuzz.damage import Damage
from tests.fuzz.fakes import read_the_same_text_everywhere
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.trial import Command

WEIGHT = 6

_KINDS = {"a.avi": "MJPG", "b.mp4": "mp4v", "c.mkv": "MJPG", "d.mov": "mp4v"}


def prepare(corpus: Path) -> None:
    """Twelve frames of each kind, and a finder."""
    read_the_same_text_everywhere()
    save_finder(corpus / "model.onnx")
    rng = np.random.default_rng(0)
    for name, codec in _KINDS.items():
        writer = cv2.VideoWriter(
            str(corpus / name), cv2.VideoWriter.fourcc(*codec), 10.0, PHOTO_SIZE
        )
        assert writer.isOpened(), codec
        for number in range(12):
            pixels = np.full((PHOTO_SIZE[1], PHOTO_SIZE[0], 3), 60 + 5 * number, dtype=np.uint8)
            pixels[:40] = rng.integers(0, 255, (40, PHOTO_SIZE[0], 3))
            writer.write(pixels)
        writer.release()


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """One of them damaged, mostly in its head or in one frame."""
    rng = damage.rng
    name, donor = rng.choice(sorted(_KINDS)), rng.choice(sorted(_KINDS))
    data = (corpus / name).read_bytes()
    head = rng.choice((2000, len(data)))
    file = sandbox.inputs / name
    file.write_bytes(damage.bytes(data[:head], (corpus / donor).read_bytes()) + data[head:])
    damage.odd_file(file)
    words = ("read", str(file), "--model", f"{corpus}/model.onnx", "--look", "1", "--fps", "0",
             "--timeout", "5", "--csv", f"{sandbox.out}/t.csv",
             *rng.choice(((), ("--json",), ("--redact", f"{sandbox.out}/redacted"))))  # fmt: skip
    return Command(words, sound_status=(0, 3))
