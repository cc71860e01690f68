"""Golden answers and manifests beside a converted model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tiny_onnx import save_conv_model

from conversion.__main__ import main as convert
from lightning_plates.terminal.console import run_reporting
from tests.fuzz.damage import Damage
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.trial import Command

WEIGHT = 14

_MODEL = "tiny.fp32.onnx"


def prepare(corpus: Path) -> None:
    """A converted model with what belongs beside it."""
    save_conv_model(corpus / "tiny.onnx")
    status = run_reporting(
        convert, ["onnxruntime", f"{corpus}/tiny.onnx", "-o", str(corpus / "made")]
    )
    assert status == 0
    assert sorted(file.name for file in (corpus / "made").iterdir()) == [
        _MODEL, f"{_MODEL}.golden.npz", f"{_MODEL}.json",
    ]  # fmt: skip


def _write_version_1(golden: Path) -> None:
    """Golden answers as they were written before tasks."""
    with np.load(golden) as arrays:
        facts = json.loads(str(arrays["facts"]))
        numbers = range(facts["photos"])
        photos = {f"photo_{i}": arrays[f"photo_{i}"] for i in numbers}
        boxes = [arrays[f"answer_{i}_boxes"].tolist() for i in numbers]
    old = {
        "version": 1,
        "answers": [[{"box": box, "confidence": None} for box in answer] for answer in boxes],
        "score_threshold": 0.5,
        "agreement": {"mean_iou": facts["agreement"].pop("mean_likeness"), **facts["agreement"]},
        "precision": facts["precision"],
    }
    np.savez_compressed(golden, facts=np.array(json.dumps(old)), **photos)


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """One of the two damaged."""
    rng = damage.rng
    for file in (corpus / "made").iterdir():
        (sandbox.inputs / file.name).write_bytes(file.read_bytes())
    golden, manifest = (sandbox.inputs / f"{_MODEL}{ending}" for ending in (".golden.npz", ".json"))
    if rng.random() < 0.2:
        _write_version_1(golden)
    if rng.random() < 0.6:
        golden.write_bytes(damage.zip(golden.read_bytes(), lambda _, data: damage.array(data)))
        damage.odd_file(golden)
    else:
        manifest.write_bytes(damage.json(manifest.read_bytes()))
        damage.odd_file(manifest)
    model, way = str(sandbox.inputs / _MODEL), rng.random()
    if way < 0.7:
        return Command(("check", rng.choice((model, str(sandbox.inputs)))))
    if way < 0.85:
        return Command(("margin", model, "--remove"), writes_inputs=True)
    words = ("all", f"{corpus}/tiny.onnx", "-o", str(sandbox.inputs), "--report", "--only",
             "onnxruntime",             "--table", f"{sandbox.out}/table.md", "--csv")  # fmt: skip
    # What was not made yet is listed as such, with status 3.
    return Command(
        words,
        run=lambda argv: run_reporting(convert, argv),
        sound_status=(0, 3),
        writes_inputs=True,
    )
