"""Photo files of every kind among sound ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from tiny_onnx import save_constant_scored_model

from tests.fuzz.damage import Damage
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.trial import Command

WEIGHT = 20

_KINDS = {
    "rgb.jpg": ("RGB", {}), "grey.jpg": ("L", {}), "cmyk.jpg": ("CMYK", {}),
    "progressive.jpg": ("RGB", {"progressive": True}), "rgb.png": ("RGB", {}),
    "rgba.png": ("RGBA", {}), "palette.png": ("P", {}), "deep.png": ("I;16", {}),
    "bits.png": ("1", {}), "palette.gif": ("P", {}), "rgb.webp": ("RGB", {}),
    "lossless.webp": ("RGBA", {"lossless": True}), "rgb.bmp": ("RGB", {}), "rgb.tif": ("RGB", {}),
    "packed.tif": ("RGB", {"compression": "tiff_lzw"}), "float.tif": ("F", {}),
    "rgb.ppm": ("RGB", {}), "rgb.avif": ("RGB", {}), "rgb.jp2": ("RGB", {}),
}  # fmt: skip


def prepare(corpus: Path) -> None:
    """One small photo of each kind, with EXIF where the format has it."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    for name, (mode, options) in _KINDS.items():
        exif = Image.Exif()
        exif[0x0112] = 6
        image = Image.fromarray(pixels)
        image = image.convert("L").convert(mode) if mode in {"I;16", "F"} else image.convert(mode)
        keeps_exif = Path(name).suffix in {".jpg", ".png", ".webp", ".tif"} and mode != "I;16"
        image.save(corpus / name, **options, **({"exif": exif} if keeps_exif else {}))
    save_constant_scored_model(corpus / "model.onnx", [[0.1, 0.1, 0.6, 0.4]], [0.9])


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """Two photos, one of them damaged, labelled alike."""
    rng = damage.rng
    kinds = sorted(_KINDS)
    name = rng.choice(kinds)
    good, bad = sandbox.inputs / "good.png", sandbox.inputs / f"bad{Path(name).suffix}"
    good.write_bytes((corpus / "rgb.png").read_bytes())
    bad.write_bytes(
        damage.bytes((corpus / name).read_bytes(), (corpus / rng.choice(kinds)).read_bytes())
    )
    damage.odd_file(bad)
    if rng.random() < 0.6:
        return _predict(corpus, sandbox, damage)
    rows = "".join(f"{file.name},24,32,2,3,12,9,\n" for file in (good, bad))
    (sandbox.inputs / "boxes.csv").write_text(f"file,width,height,x1,y1,x2,y2,text\n{rows}")
    folder, out = str(sandbox.inputs), sandbox.out
    words = rng.choice((
        ("data", "check", folder, "--workers", "1"),
        ("data", "import", folder, "-o", f"{out}/set", "--workers", "1"),
        ("data", "split", folder, "-o", f"{out}/split.csv", "--fractions", "0.5", "0.5", "0"),
        ("data", "show", folder, "-o", f"{out}/sheet.jpg"),
        ("data", "stats", folder),
    ))  # fmt: skip
    return Command(words, sound_status=(0, 1, 2, 3))


def _predict(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    chosen = sorted(sandbox.inputs.iterdir()) if damage.rng.random() < 0.5 else [sandbox.inputs]
    words = ("predict", f"{corpus}/model.onnx", *map(str, chosen), "--json", "--csv",
             f"{sandbox.out}/t.csv", "--save", f"{sandbox.out}/pictures")  # fmt: skip
    return Command(words, verify=_good_is_answered, sound_status=(0, 3))


def _good_is_answered(status: int, text: str) -> str:
    """One bad entry never costs the other photos."""
    records = [json.loads(line, parse_constant=lambda name: 1 / 0) for line in text.splitlines()]
    good = [one for one in records if one["file"].endswith("good.png")]
    return (
        ""
        if good and good[0]["error"] is None and good[0]["plates"]
        else "the sound photo is not answered"
    )
