"""Rule files: plate formats and restriction calendars."""

from __future__ import annotations

import json
from pathlib import Path

from drawn_plates import save_finder

from tests.fuzz.damage import Damage
from tests.fuzz.fakes import labelled_photos, read_the_same_text_everywhere
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.trial import Command

WEIGHT = 15

_CONFIGS = Path(__file__).parents[3] / "configs"
_OPTIONS = {"plates": "--country", "restrictions": "--rules"}


def prepare(corpus: Path) -> None:
    """The shipped files, a finder and a photo."""
    read_the_same_text_everywhere()
    for kind in _OPTIONS:
        (corpus / kind).mkdir()
        for file in sorted((_CONFIGS / kind).glob("*.yaml")):
            (corpus / kind / file.name).write_bytes(file.read_bytes())
    save_finder(corpus / "model.onnx")
    labelled_photos(corpus / "photos", 1)


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """One of the files damaged, and a photo that is judged by it."""
    rng = damage.rng
    kind = rng.choice(sorted(_OPTIONS))
    source = rng.choice(sorted((corpus / kind).glob("*.yaml")))
    file = sandbox.inputs / "rules.yaml"
    file.write_bytes(damage.yaml(source.read_bytes()))
    damage.odd_file(file)
    moment = rng.choice(
        ("2026-11-25T07:30", "2026-12-24T10:00", "1999-01-01T00:00", "9000-06-01T12:00")
    )
    words = ("read", f"{corpus}/photos/0.png", "--model", f"{corpus}/model.onnx", "--look", "1",
             _OPTIONS[kind], str(file), "--at", moment,
             *rng.choice(((), ("--json",), ("--lang", "en"))))  # fmt: skip
    return Command(words, verify=_is_json if "--json" in words else None)


def _is_json(status: int, text: str) -> str:
    for line in text.splitlines():
        json.loads(line, parse_constant=lambda name: 1 / 0)
    return ""
