"""Runs a Keras or TensorFlow model, or writes it as ONNX: a program of the Keras environment.

It imports nothing of this project; files and a few words are all that cross. What the user gave
and cannot be used is written into the facts as ``refused``.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

INPUT, OUTPUT = "image", "box"
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OSError, RuntimeError)
"""What Keras and TensorFlow raise for files that they cannot read."""


class Refused(Exception):  # noqa: N818 -- it is reported, not raised to anyone
    """What the user gave cannot be used."""


@dataclass(frozen=True)
class Source:
    """A model as a function of one batch."""

    call: Callable[[Any], Any]
    """Takes a float32 tensor ``(N, H, W, 3)``."""
    shape: tuple[int | None, ...]
    """Of the input; ``None`` where it is left open."""
    written_by: str
    """For people, e.g. ``"Keras 2.15.0 .h5"``."""


def main(argv: list[str]) -> int:
    """Export or answer, as the words of ``argv`` say."""
    args = _parser().parse_args(argv)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # errors only
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the answers of a CPU are the reference
    try:
        source = _load(args.source, args.input_tensor, args.output_tensor)
        facts = _export(source, args) if args.action == "export" else _answer(source, args)
    except Refused as error:
        facts = {"refused": " ".join(str(error).split())}
    args.facts.write_text(json.dumps(facts), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=("export", "answer"))
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path, help=".onnx; for answer: .npy")
    parser.add_argument("--facts", type=Path, required=True, help=".json to write")
    parser.add_argument("--photos", type=Path, help=".npy of float32 inputs, (N, H, W, 3)")
    parser.add_argument("--opset", type=int, default=13)
    parser.add_argument("--nchw", action="store_true")
    parser.add_argument("--size", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--input-tensor")
    parser.add_argument("--output-tensor")
    return parser


def _export(source: Source, args: argparse.Namespace) -> dict[str, Any]:
    tf, tf2onnx = importlib.import_module("tensorflow"), importlib.import_module("tf2onnx")
    batch, height, width = _input_size(source.shape, args.size)
    shape = tf.TensorSpec((batch, height, width, 3), tf.float32, name=INPUT)
    function = tf.function(lambda image: {OUTPUT: source.call(image)}, input_signature=[shape])
    try:
        answered = function.get_concrete_function().structured_outputs[OUTPUT].shape
    except _UNREADABLE as error:
        raise Refused(f"cannot run on an input of {width} × {height} pixels ({error})") from error
    if answered.rank != 2 or answered[1] != 4:
        raise Refused(f"its output has shape {answered}, expected (None, 4): one box a photo")
    tf2onnx.convert.from_function(
        function,
        input_signature=[shape],
        opset=args.opset,
        inputs_as_nchw=[INPUT] if args.nchw else None,
        output_path=str(args.target),
    )
    tools = ", ".join(f"{name} {version(name)}" for name in ("tf2onnx", "tensorflow-cpu"))
    return {"width": width, "height": height, "written_by": source.written_by, "tools": tools}


def _answer(source: Source, args: argparse.Namespace) -> dict[str, Any]:
    tf = importlib.import_module("tensorflow")
    photos = np.load(args.photos)
    # One by one, as a device does; some frozen graphs take nothing else.
    boxes = [np.asarray(source.call(tf.constant(photo[None]))) for photo in photos]
    np.save(args.target, np.concatenate(boxes))
    return {}


def _input_size(
    shape: tuple[int | None, ...], wanted: list[int] | None
) -> tuple[int | None, int, int]:
    """Batch, height and width; what the model leaves open comes from ``wanted``."""
    if len(shape) != 4 or shape[3] not in {3, None}:
        raise Refused(f"its input has shape {shape}, expected (None, height, width, 3)")
    batch, height, width, _ = shape
    asked_width, asked_height = wanted or (width, height)
    if not asked_width or not asked_height:
        raise Refused("its input has no fixed size: give --size WIDTH HEIGHT")
    if width not in {None, asked_width} or height not in {None, asked_height}:
        raise Refused(
            f"its input is {width} × {height} pixels, --size says {asked_width} × {asked_height}"
        )
    return batch, asked_height, asked_width


def _load(path: Path, input_tensor: str | None, output_tensor: str | None) -> Source:
    if path.is_dir():
        return _load_saved_model(path)
    if path.suffix == ".pb":
        return _load_frozen_graph(path, input_tensor, output_tensor)
    return _load_keras_file(path)


def _load_keras_file(path: Path) -> Source:
    """A ``.keras`` or ``.h5`` file, by the Keras that wrote it."""
    config, written_by = _read_config(path)
    if any(layer == "Lambda" for layer in _class_names(config)):
        raise Refused("it holds a Lambda layer, which is program code; refused")
    library = importlib.import_module("tf_keras" if written_by.startswith("2.") else "keras")
    try:
        model = library.models.load_model(str(path), compile=False, safe_mode=True)
    except _UNREADABLE as error:
        raise Refused(f"Keras cannot read it ({_reason(error)})") from error
    inputs, outputs = len(model.inputs), len(model.outputs)
    if (inputs, outputs) != (1, 1):
        raise Refused(f"it has {inputs} inputs and {outputs} outputs, expected one of each")
    shape = tuple(model.inputs[0].shape)
    return Source(
        lambda image: model(image, training=False), shape, f"Keras {written_by} {path.suffix}"
    )


def _reason(error: Exception) -> str:
    """What Keras says without the whole network, which it prints before and behind it."""
    return str(error).rpartition("Exception encountered: ")[2].partition(" Full object config")[0]


def _read_config(path: Path) -> tuple[Any, str]:
    """The network's description and the version of Keras that wrote it; nothing is run."""
    if zipfile.is_zipfile(path):
        return _read_zipped_config(path)
    h5py = importlib.import_module("h5py")
    if not h5py.is_hdf5(path):
        raise Refused("not a Keras file (neither a .keras archive nor HDF5)")
    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise Refused("it holds weights without a network: save the whole model, model.save(…)")
        return json.loads(file.attrs["model_config"]), _text(file.attrs.get("keras_version", "2."))


def _read_zipped_config(path: Path) -> tuple[Any, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            return config, json.loads(archive.read("metadata.json"))["keras_version"]
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise Refused(f"not a .keras archive ({error})") from error


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _class_names(config: Any) -> Iterator[str]:  # noqa: ANN401 -- any JSON value
    if isinstance(config, dict):
        yield str(config.get("class_name"))
    for part in config.values() if isinstance(config, dict) else config:
        if isinstance(part, (dict, list)):
            yield from _class_names(part)


def _load_saved_model(folder: Path) -> Source:
    tf = importlib.import_module("tensorflow")
    try:
        model = tf.saved_model.load(str(folder))
    except _UNREADABLE as error:
        raise Refused(f"not a SavedModel ({error})") from error
    signature = model.signatures.get("serving_default")
    if signature is None:
        raise Refused("the SavedModel has no signature 'serving_default'")
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    if (len(inputs), len(outputs)) != (1, 1):
        raise Refused(
            f"it has {len(inputs)} inputs and {len(outputs)} outputs, expected one of each"
        )
    [(name, tensor)], [answer] = inputs.items(), outputs

    # The signature holds no reference to the model, whose variables would be gone with it.
    def call(image: Any, model: Any = model) -> Any:  # noqa: ANN401 -- tensors of TensorFlow
        return signature(**{name: image})[answer]

    return Source(call, tuple(tensor.shape), f"TensorFlow {model.tensorflow_version} SavedModel")


def _load_frozen_graph(path: Path, input_tensor: str | None, output_tensor: str | None) -> Source:
    tf = importlib.import_module("tensorflow")
    message = importlib.import_module("google.protobuf.message")
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except message.DecodeError as error:
        raise Refused("not a frozen graph, or a truncated one") from error
    if not graph.node:
        raise Refused(
            "not a frozen graph: if it is the saved_model.pb of a folder, give the folder"
        )
    source = input_tensor or _only_one("input", "--input-tensor", _placeholders(graph))
    answer = output_tensor or _only_one("output", "--output-tensor", _ends(graph))
    try:
        imported = tf.compat.v1.wrap_function(
            lambda: tf.import_graph_def(graph, name=""), signature=[]
        )
        feed, fetch = (imported.graph.as_graph_element(_tensor(n)) for n in (source, answer))
        function = imported.prune([feed], fetch)
    except _UNREADABLE as error:
        raise Refused(f"TensorFlow cannot read the graph ({error})") from error
    shape = (None,) * 4 if feed.shape.rank is None else tuple(feed.shape)
    return Source(function, shape, "frozen graph")


def _placeholders(graph: Any) -> list[str]:  # noqa: ANN401 -- GraphDef
    return [node.name for node in graph.node if node.op == "Placeholder"]


def _ends(graph: Any) -> list[str]:  # noqa: ANN401 -- GraphDef
    """Nodes whose value nothing else reads."""
    read = {name.lstrip("^").partition(":")[0] for node in graph.node for name in node.input}
    ends = (node for node in graph.node if node.name not in read)
    return [node.name for node in ends if node.op not in {"NoOp", "Const", "Assert"}]


def _only_one(role: str, option: str, names: list[str]) -> str:
    if len(names) != 1:
        found = ", ".join(names[:8]) or "none"
        raise Refused(f"the graph has no single {role} ({found}): choose with {option} NAME")
    return names[0]


def _tensor(name: str) -> str:
    return name if ":" in name else f"{name}:0"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
