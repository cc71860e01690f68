"""Opens an ONNX hub file as a converter needs it: checked, with its spec."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_plates.errors import ConversionError, InputError
from lightning_plates.files import check_regular
from lightning_plates.optional import require
from lightning_plates.spec import ModelSpec
from runtimes import open_model


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub file that was found sound."""

    path: Path
    sha256: str
    """Hash of the file's content, in hexadecimal."""
    opset: int
    """Version of the standard operators that the graph uses."""
    spec: ModelSpec
    operators: Mapping[str, int]
    """Number of nodes by operator, as the graph has them."""


def open_hub(path: Path, max_opset: int) -> Hub:
    """Check a hub file and read its spec.

    Args:
        path: The ``.onnx`` file.
        max_opset: Newest operator set that the converter reads.

    Raises:
        InputError: Missing, not ONNX, external data outside its folder, or an opset too new.
        SpecError: Without a spec, or with one that contradicts the graph.
        ModelError: ONNX Runtime cannot open it.
    """
    model = load_graph(path)
    _refuse_foreign_data(path, model)
    opset = _opset(model)
    if opset > max_opset:
        raise InputError(
            f"{path}: uses opset {opset}, this converter reads up to {max_opset}; "
            "export the hub again with a smaller --opset"
        )
    with open_model(path, runtime="onnxruntime") as opened:
        spec = opened.spec  # refuses a spec that contradicts the graph
    return Hub(path, sha256_of(path), opset, spec, count_operators(model))


def load_graph(path: Path) -> Any:  # noqa: ANN401 -- onnx.ModelProto; onnx ships no types
    """Read an ONNX file without its external data.

    Raises:
        InputError: The file is missing or not ONNX.
    """
    onnx = require("onnx", extra="convert")
    decode_error = require("google.protobuf.message", extra="convert").DecodeError
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        model = onnx.load(str(path), load_external_data=False)
    except decode_error as error:
        raise InputError(f"{path}: not an ONNX file ({error})") from error
    if not model.graph.node or not model.opset_import:
        raise InputError(f"{path}: not an ONNX file (it holds no graph)")
    return model


def count_operators(model: Any) -> dict[str, int]:  # noqa: ANN401 -- onnx.ModelProto
    """Number of nodes by operator; those of other domains are named ``domain::operator``."""
    names = (
        node.op_type if node.domain in {"", "ai.onnx"} else f"{node.domain}::{node.op_type}"
        for node in model.graph.node
    )
    return dict(sorted(Counter(names).items()))


def save_fixed_shapes(hub: Hub, target: Path, batch: int = 1) -> Path:
    """Write a copy of the hub whose input has a fixed batch, for compilers that need one.

    Args:
        hub: The source.
        target: The ``.onnx`` file to write; the shapes of all tensors are inferred in it.
        batch: Photos in one batch.

    Raises:
        ConversionError: The graph does not allow that batch.
    """
    onnx = require("onnx", extra="convert")
    model = onnx.load(str(hub.path))
    sizes = (batch, *hub.spec.input_shape[1:])
    dimensions = model.graph.input[0].type.tensor_type.shape.dim
    for dimension, size in zip(dimensions, sizes, strict=True):
        dimension.dim_value = size
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[0].dim_value = batch
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise ConversionError(f"{hub.path}: cannot fix its input to {sizes} ({error})") from error
    onnx.save(inferred, str(target))
    return target


def sha256_of(path: Path) -> str:
    """SHA-256 of a regular file's content, in hexadecimal."""
    check_regular(path)
    with path.open("rb") as file:
        digest = hashlib.sha256()
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _opset(model: Any) -> int:  # noqa: ANN401 -- onnx.ModelProto
    versions = [entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"}]
    return int(max(versions, default=0))


def _refuse_foreign_data(path: Path, model: Any) -> None:  # noqa: ANN401 -- onnx.ModelProto
    """A hub file from elsewhere must not make us read other files of this machine."""
    helper = require("onnx.external_data_helper", extra="convert")
    folder = path.resolve().parent
    # The helper that lists every tensor, attributes and subgraphs included, is private in onnx.
    for tensor in helper._get_all_tensors(model):
        if not helper.uses_external_data(tensor):
            continue
        location = helper.ExternalDataInfo(tensor).location
        data = (folder / location).resolve()
        if Path(location).is_absolute() or not data.is_relative_to(folder):
            raise InputError(f"{path}: its external data {location!r} leaves its folder; refused")
        if not data.is_file():
            raise InputError(f"{path}: its external data {location!r} is missing")
