"""Texts of crops, by which engines are measured and calibrated."""

from __future__ import annotations

import shutil
from pathlib import Path

from drawn_plates import make_crops

from tests.fuzz.damage import Damage
from tests.fuzz.fakes import read_the_same_text_everywhere
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.trial import Command

WEIGHT = 4


def prepare(corpus: Path) -> None:
    """Three crops and their texts."""
    read_the_same_text_everywhere()
    make_crops(corpus / "crops", ["BCR-456", "CL-123456", "777"])


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """The table or a crop damaged."""
    folder = sandbox.inputs / "crops"
    shutil.copytree(corpus / "crops", folder)
    chosen = damage.rng.choice((folder / "text.csv", folder / "text.csv", folder / "1.png"))
    change = damage.bytes if chosen.suffix == ".png" else damage.text
    chosen.write_bytes(change(chosen.read_bytes()))
    damage.odd_file(chosen)
    return Command(
        ("evaluate-reading", "--ocr", "rapidocr", "--crops", str(folder)), sound_status=(0, 3)
    )
