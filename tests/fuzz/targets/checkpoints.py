"""Checkpoints, their archive, record and weights; and the starting weights of a training."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from conversion.hub import main as export
from lightning_plates.__main__ import main
from lightning_plates.models.checkpoint import RECORD_KEY
from lightning_plates.terminal.console import run_reporting
from tests.fuzz.damage import Damage, NoDamage
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.targets import configs
from tests.fuzz.targets._weights import starting_weights
from tests.fuzz.trial import Command

WEIGHT = 7


def prepare(corpus: Path) -> None:
    """A run of one step, its backbone, and a photo."""
    configs.prepare(corpus)
    words = [
        "fit", "--model", configs._REGRESSOR["class_path"], "--run", f"{corpus}/run",
        *(f"--model.{name}={value}" for name, value in configs._REGRESSOR["init_args"].items()),
        f"--data.path={corpus}/plates", "--trainer.max_epochs=1", "--trainer.accelerator=cpu",
    ]  # fmt: skip
    assert main(words) == 0
    words = ["export-backbone", f"{corpus}/run/best.ckpt", "-o", f"{corpus}/backbone.safetensors"]
    assert main(words) == 0
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(corpus / "photo.png")


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """The checkpoint damaged, and a command that opens it."""
    rng = damage.rng
    if rng.random() < 0.3:
        return starting_weights(corpus, sandbox, damage)
    file = sandbox.inputs / "model.ckpt"
    data = (corpus / "run" / "best.ckpt").read_bytes()
    ways = (_damage_record, _damage_record, _damage_archive)
    file.write_bytes(rng.choice(ways)(damage, data))
    damage.odd_file(file)
    photo = str(corpus / "photo.png")
    commands = (
        Command(("predict", str(file), photo, "--json")),
        Command(("export-backbone", str(file), "-o", f"{sandbox.out}/b.safetensors")),
        Command(
            (str(file), "-o", f"{sandbox.out}/m.onnx", "--photos", photo),
            run=lambda argv: run_reporting(export, argv),
        ),
    )
    return commands[rng.choice((0, 0, 0, 1, 2))]


def _damage_archive(damage: Damage, data: bytes) -> bytes:
    return damage.zip(data, lambda _, content: damage.bytes(content))


def _damage_record(damage: Damage, data: bytes) -> bytes:
    """The model record or another entry, as far as a safe checkpoint can hold it."""
    if isinstance(damage, NoDamage):
        return data
    checkpoint = torch.load(io.BytesIO(data), weights_only=True)
    way = damage.rng.random()
    if way < 0.7:
        record = checkpoint[RECORD_KEY]
        checkpoint[RECORD_KEY] = damage.plain(record)
    elif way < 0.85:
        chosen = damage.rng.choice(sorted(checkpoint["state_dict"]))
        odd = (torch.tensor(float("nan")), torch.zeros(1), torch.zeros(3, 3), 7, "x", None)
        checkpoint["state_dict"][chosen] = damage.rng.choice(odd)
    else:
        checkpoint = damage.rng.choice(({}, [checkpoint], {**checkpoint, "state_dict": 1}, None))
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    return buffer.getvalue()
