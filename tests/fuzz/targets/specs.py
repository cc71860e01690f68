"""The spec that lies beside models whose format has no metadata of ours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
from PIL import Image
from tiny_onnx import RGB_SPEC, save_mean_colour_model

from tests.fuzz.damage import Damage
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.trial import Command

WEIGHT = 5

_VERSION_1 = {
    "version": 1, "name": RGB_SPEC.name, "width": RGB_SPEC.width, "height": RGB_SPEC.height,
    "mean": RGB_SPEC.mean, "std": RGB_SPEC.std, "layout": RGB_SPEC.layout,
    "colour_order": RGB_SPEC.colour_order, "resize": RGB_SPEC.resize, "decoding": "single_box",
    "score_threshold": 0.5, "max_overlap": 0.4, "input_name": RGB_SPEC.input_name,
}  # fmt: skip
"""The spec as it was written before tasks."""


def prepare(corpus: Path) -> None:
    """A model in ONNX Runtime's mobile format, its spec and a photo."""
    save_mean_colour_model(corpus / "model.onnx")
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(corpus / "model.ort")
    options.add_session_config_entry("session.save_model_format", "ORT")
    ort.InferenceSession(str(corpus / "model.onnx"), options, providers=["CPUExecutionProvider"])
    (corpus / "model.ort.spec.json").write_text(RGB_SPEC.to_json())
    (corpus / "old.ort.spec.json").write_text(json.dumps(_VERSION_1))
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(corpus / "photo.png")


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """The spec damaged, now and then the model."""
    for name in ("model.ort", "model.ort.spec.json", "photo.png"):
        (sandbox.inputs / name).write_bytes((corpus / name).read_bytes())
    spec, model = sandbox.inputs / "model.ort.spec.json", sandbox.inputs / "model.ort"
    if damage.rng.random() < 0.3:
        spec.write_bytes((corpus / "old.ort.spec.json").read_bytes())
    if damage.rng.random() < 0.85:
        spec.write_bytes(damage.json(spec.read_bytes()))
        damage.odd_file(spec)
    else:
        model.write_bytes(damage.bytes(model.read_bytes()))
    if damage.rng.random() < 0.2:
        return Command(("margin", str(model), "--remove"), writes_inputs=True)
    return Command(("predict", str(model), str(sandbox.inputs / "photo.png"), "--json"))
