"""Starting weights of a training."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from tests.fuzz.damage import Damage, NoDamage
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.targets import configs
from tests.fuzz.trial import Command


def starting_weights(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """The file damaged, mostly in its head, and a training that begins with it."""
    data = (corpus / "backbone.safetensors").read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    head, tensors = data[8 : 8 + length], data[8 + length :]
    file = sandbox.inputs / "backbone.safetensors"
    if isinstance(damage, NoDamage):
        pass
    elif damage.rng.random() < 0.6:
        facts = json.loads(head)
        names = [name for name in sorted(facts) if name != "__metadata__"]
        kept = damage.rng.sample(names, 5)
        changed = damage.json(
            json.dumps({name: facts[name] for name in ["__metadata__", *kept]}).encode()
        )
        fields = {**facts, **_as_object(changed)}
        head = json.dumps(fields).encode() if damage.rng.random() < 0.8 else changed
    else:
        head = damage.bytes(head)
    file.write_bytes(struct.pack("<Q", len(head)) + head + tensors)
    damage.odd_file(file)
    words = [
        "fit", "--model", configs._REGRESSOR["class_path"], "--run", f"{sandbox.out}/run",
        *(f"--model.{name}={value}" for name, value in configs._REGRESSOR["init_args"].items()),
        f"--model.weights={file}", f"--data.path={corpus}/plates", "--trainer.accelerator=cpu",
    ]  # fmt: skip
    return Command(tuple(words))


def _as_object(text: bytes) -> dict[str, object]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
