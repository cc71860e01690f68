"""ONNX files: their bytes, their graph, and the spec in their metadata or beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from PIL import Image
from tiny_onnx import save_constant_scored_model, save_conv_model, save_mean_colour_model

from lightning_plates.spec import METADATA_KEY
from tests.fuzz.damage import Damage, NoDamage
from tests.fuzz.mutations import ODD_NUMBERS, ODD_WORDS, dump_json
from tests.fuzz.sandbox import Sandbox
from tests.fuzz.trial import Command

WEIGHT = 18


def prepare(corpus: Path) -> None:
    """Three tiny models and a photo."""
    save_mean_colour_model(corpus / "colour.onnx")
    save_constant_scored_model(
        corpus / "scored.onnx", [[0.1, 0.1, 0.6, 0.4], [0, 0, 1, 1]], [0.9, 0.2]
    )
    save_conv_model(corpus / "conv.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(corpus / "photo.png")


def case(corpus: Path, sandbox: Sandbox, damage: Damage) -> Command:
    """One of them damaged, and a command that opens it."""
    rng = damage.rng
    source = corpus / rng.choice(("colour.onnx", "scored.onnx", "conv.onnx"))
    model = sandbox.inputs / "model.onnx"
    ways = (_damage_spec, _damage_spec, _damage_graph, _damage_file)
    model.write_bytes(rng.choice(ways)(damage, source.read_bytes()))
    damage.odd_file(model)
    photo = str(corpus / "photo.png")
    commands = (
        Command(("predict", str(model), photo, "--json"), verify=_is_json),
        Command(("predict", str(model), photo, photo, "--save", f"{sandbox.out}/pictures")),
        Command(("margin", str(model), "--remove", "-o", f"{sandbox.out}/m.onnx")),
    )
    return commands[rng.choice((0, 0, 1, 2))]


def _is_json(status: int, text: str) -> str:
    for line in text.splitlines():
        json.loads(line, parse_constant=lambda name: 1 / 0)
    return ""


def _damage_file(damage: Damage, data: bytes) -> bytes:
    return damage.bytes(data)


def _damage_spec(damage: Damage, data: bytes) -> bytes:
    """The spec alone."""
    if isinstance(damage, NoDamage):
        return data
    model = onnx.load_from_string(data)
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            margin = {"width_scale": 1.1, "height_scale": 0.9, "shift_x": 0.0, "shift_y": 0.1}
            spec = json.loads(entry.value)
            if damage.rng.random() < 0.3:
                spec = _as_version_1(spec) | damage.rng.choice(({}, {"margin": margin}))
            elif damage.rng.random() < 0.5:
                spec["options"] = {**spec["options"], "margin": margin}
            if damage.rng.random() < 0.9:
                entry.value = dump_json(damage.tree(spec)).encode("utf-8", "replace").decode()
            else:
                entry.key = damage.rng.choice(ODD_WORDS)
    return bytes(model.SerializeToString())


def _as_version_1(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec as it was written before tasks."""
    decoding = "scored_boxes" if spec["task"] == "detection" else "single_box"
    newer = ("task", "options", "classes", "crop_share")
    kept = {key: value for key, value in spec.items() if key not in newer}
    return {**kept, **spec["options"], "version": 1, "decoding": decoding}


def _damage_graph(damage: Damage, data: bytes) -> bytes:
    """Shapes, types, names, nodes and weights."""
    if isinstance(damage, NoDamage):
        return data
    model = onnx.load_from_string(data)
    for _ in range(damage.rng.choice((1, 1, 2))):
        damage.rng.choice((_shape, _rename, _drop, _weights, _opset, _external))(damage, model)
    return bytes(model.SerializeToString())


def _shape(damage: Damage, model: Any) -> None:
    values = [*model.graph.input, *model.graph.output]
    value = damage.rng.choice(values).type.tensor_type
    value.elem_type = damage.rng.choice((value.elem_type, value.elem_type, 2, 7, 10, 8, 99))
    sizes = value.shape.dim
    if damage.rng.random() < 0.3:
        del sizes[damage.rng.randrange(len(sizes))]
    else:
        damage.rng.choice(sizes).dim_value = damage.rng.choice((0, 1, 2, 7, 10**6, 2**40, -1))


def _rename(damage: Damage, model: Any) -> None:
    graph = model.graph
    node = damage.rng.choice(graph.node)
    damage.rng.choice((node, graph.input[0], graph.output[0], graph.initializer[0])).name = _word(
        damage
    )
    if damage.rng.random() < 0.3:
        node.op_type = damage.rng.choice(("Relu", "Sigmoid", "Softmax", "Foo", "Loop"))


def _word(damage: Damage) -> str:
    return damage.rng.choice(ODD_WORDS).encode("utf-8", "replace").decode()


def _drop(damage: Damage, model: Any) -> None:
    part = damage.rng.choice((model.graph.node, model.graph.initializer, model.graph.output,
                              model.graph.input))  # fmt: skip
    if len(part):
        del part[damage.rng.randrange(len(part))]


def _weights(damage: Damage, model: Any) -> None:
    chosen = damage.rng.choice(model.graph.initializer)
    array = numpy_helper.to_array(chosen).copy()
    odd = damage.rng.choice([number for number in ODD_NUMBERS if abs(number) < 1e300])
    odd = damage.rng.choice((odd, np.nan, np.inf, -np.inf, 1e30))
    with np.errstate(all="ignore"):
        array.reshape(-1)[damage.rng.randrange(array.size)] = (
            odd if array.dtype.kind == "f" else damage.rng.choice((-1, 0, 7, 2**40))
        )
    changed = damage.rng.choice(
        (array, array, array.reshape(-1), array[..., None], array.astype(np.float64))
    )
    chosen.CopyFrom(numpy_helper.from_array(changed, chosen.name))


def _opset(damage: Damage, model: Any) -> None:
    model.opset_import[0].version = damage.rng.choice((0, 1, 7, 99, 2**40))
    model.ir_version = damage.rng.choice((0, 3, 8, 99))


def _external(damage: Damage, model: Any) -> None:
    """Weights that are said to lie in another file, here or anywhere."""
    chosen = damage.rng.choice(model.graph.initializer)
    chosen.ClearField("raw_data")
    chosen.data_location = onnx.TensorProto.EXTERNAL
    place = damage.rng.choice(
        ("missing.bin", "../../../etc/passwd", "/etc/passwd", "/dev/zero", "")
    )
    for key, value in (
        ("location", place),
        ("offset", damage.rng.choice(("0", "-1", "9" * 30, "x"))),
    ):
        entry = chosen.external_data.add()
        entry.key, entry.value = key, value
