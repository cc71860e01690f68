"""Label files of every format that the registry lists."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from label_exports import EXPORTS
from PIL import Image

from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.data.annotations.registry import label_formats, writable_formats
from tests.fuzz.damage import Damage
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.trial import Command

WEIGHT = 30

_CORNERS = ((10.0, 20.5), (40.0, 18.0), (41.0, 30.0), (11.0, 33.25))


def prepare(corpus: Path) -> None:
    """Three photos, and their labels in each format."""
    photos = (
        PhotoRecord("a.png", 96, 64, (
            BoxRecord(10.0, 18.0, 41.0, 33.25, text="BCR123", corners=_CORNERS),
            BoxRecord(50.0, 2.5, 90.0, 20.0, label="Placas"),
        ), source="drive"),
        PhotoRecord("b.png", 96, 64, (BoxRecord(5.0, 6.0, 30.0, 20.0),)),
        PhotoRecord("c.png", 64, 96, (BoxRecord(5.0, 6.0, 30.0, 20.0, text="ÑU-1"),)),
        PhotoRecord("empty.png", 64, 96, ()),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    (corpus / "photos").mkdir()
    for photo in photos:
        pixels = rng.integers(0, 256, (photo.height, photo.width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(corpus / "photos" / photo.file)
    annotations = AnnotationSet(corpus / "photos", photos)
    for name, label_format in writable_formats().items():
        label_format.write(annotations, corpus / "sets" / name / label_format.TARGET)
    boxes = {photo.file: photo.boxes for photo in photos if photo.width == 96}
    for name, write in EXPORTS.items():
        write(corpus / "sets" / name, boxes)
    files = [file.read_text() for file in (corpus / "sets").rglob("*") if file.is_file()]
    missing = [n for n, one in label_formats().items() if not any(map(one.sniff, files))]
    assert not missing, f"no sound labels to damage for {missing}: add them to label_exports.py"


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """A set of one format, one of whose label files is damaged."""
    rng = damage.rng
    chosen_set = rng.choice(sorted((corpus / "sets").iterdir()))
    shutil.copytree(corpus / "photos", sandbox.inputs / "photos")
    shutil.copytree(chosen_set, sandbox.inputs / "labels")
    files = sorted(path for path in (sandbox.inputs / "labels").rglob("*") if path.is_file())
    chosen = rng.choice(files)
    chosen.write_bytes(damage.label(chosen.suffix, chosen.read_bytes()))
    damage.odd_file(chosen)
    source = str(chosen if len(files) == 1 and rng.random() < 0.5 else sandbox.inputs / "labels")
    there = (source, "--photos", str(sandbox.inputs / "photos"))
    out = str(sandbox.out)
    to = rng.choice(sorted(writable_formats()))
    commands = (
        Command(("data", "check", *there, "--workers", "1")),
        Command(
            ("data", "import", *there, "-o", f"{out}/set", "--to", to, "--workers", "1"),
            verify=lambda status, _: _is_sound(sandbox.out / "set", status),
        ),
        Command(("data", "stats", *there)),
        Command(
            ("data", "split", *there, "-o", f"{out}/split.csv", "--fractions", "0.5", "0.5", "0")
        ),
        Command(("data", "show", *there, "-o", f"{out}/sheet.jpg")),
    )  # fmt: skip
    return commands[rng.choice((0, 0, 1, 1, 1, 2, 3, 4))]


def _is_sound(imported: Path, status: int) -> str:
    """What an import writes is read again without a problem."""
    if status == 2:
        return f"{imported.name} is there after a failure" if imported.exists() else ""
    problems = read_labels(imported).problems
    return f"writes labels with a problem: {problems[0]}" if problems else ""
