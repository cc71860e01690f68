"""Splits on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from drawn_plates import save_finder

from lightning_plates.__main__ import main
from tests.fuzz.damage import Damage
from tests.fuzz.fakes import labelled_photos
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.trial import Command

WEIGHT = 4


def prepare(corpus: Path) -> None:
    """A set that is divided, and a finder."""
    save_finder(corpus / "model.onnx")
    labelled_photos(corpus / "photos", 30)
    assert main(["data", "split", str(corpus / "photos")]) == 0


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """The split damaged."""
    folder = sandbox.inputs / "set"
    shutil.copytree(corpus / "photos", folder)
    split = folder / "split.csv"
    head, _, table = split.read_bytes().partition(b"\n")
    if damage.rng.random() < 0.5:
        head = b"# " + damage.json(head.removeprefix(b"# "))
    else:
        table = damage.text(table)
    split.write_bytes(head + b"\n" + table)
    damage.odd_file(split)
    return Command((
        "margin", f"{corpus}/model.onnx", str(folder), "--side", "train", "--photos", "9",
        "--look", "1", "-o", f"{sandbox.out}/m.onnx",
    ))  # fmt: skip
