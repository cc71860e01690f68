"""What an interrupted command left for the next one: journals, manifests and tables."""

from __future__ import annotations

import shutil
from pathlib import Path

from drawn_plates import save_finder
from tiny import make_plate_set

from lightning_plates.__main__ import main
from tests.fuzz.damage import Damage
from tests.fuzz.fakes import labelled_photos, read_the_same_text_everywhere
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.trial import Command

WEIGHT = 6


def prepare(corpus: Path) -> None:
    """A finished set of each kind."""
    read_the_same_text_everywhere()
    save_finder(corpus / "model.onnx")
    labelled_photos(corpus / "photos", 2)
    make_plate_set(corpus / "plates", 2)
    for words in (_synthesise(corpus / "synthesise"), _augment(corpus, corpus / "augment")):
        assert main(list(words)) == 0
    (corpus / "read").mkdir()
    assert main(list(_read(corpus, corpus / "read"))) == 0


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """One of them as it was left, with one file damaged."""
    rng = damage.rng
    kind = rng.choice(("synthesise", "augment", "read", "read"))
    out = sandbox.out / kind
    shutil.copytree(corpus / kind, out)
    texts = sorted(
        file
        for file in out.iterdir()
        if file.suffix not in {".jpg", ""} or file.name == ".finished"
    )
    chosen = rng.choice(texts)
    suffix = ".jsonl" if chosen.name in {".finished", ".augment.jsonl"} else chosen.suffix
    chosen.write_bytes(damage.label(suffix, chosen.read_bytes()))
    damage.odd_file(chosen)
    if kind == "read" and rng.random() < 0.5:
        (out / "t.csv").rename(out / "t.csv.partial")
    words = {
        "synthesise": lambda: _synthesise(out),
        "augment": lambda: _augment(corpus, out),
        "read": lambda: (*_read(corpus, out), "--resume"),
    }[kind]()
    return Command(words)


def _synthesise(out: Path) -> tuple[str, ...]:
    return ("data", "synthesise", "-o", str(out), "--count", "2", "--size", "64", "--workers", "1")


def _augment(corpus: Path, out: Path) -> tuple[str, ...]:
    return ("data", "augment", str(corpus / "plates"), "-o", str(out), "--workers", "1")


def _read(corpus: Path, out: Path) -> tuple[str, ...]:
    return ("read", str(corpus / "photos"), "--model", f"{corpus}/model.onnx", "--look", "1",
            "--csv", str(out / "t.csv"), "--at", "2026-11-25T07:30")  # fmt: skip
