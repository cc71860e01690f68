"""Opens an ONNX hub file as a converter needs it: checked, with its spec, in one file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lightning_plates.errors import ConversionError, InputError
from lightning_plates.files import check_regular, real_path
from lightning_plates.optional import require
from lightning_plates.spec import ModelSpec
from runtimes import open_model
from runtimes._base import require_regular


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub file that was found sound."""

    path: Path
    sha256: str
    """Hash of the content, weights in further files included, in hexadecimal."""
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
    opset = _opset(model)
    if opset > max_opset:
        raise InputError(
            f"{path}: uses opset {opset}, this converter reads up to {max_opset}; "
            "export the hub again with a smaller --opset"
        )
    with open_model(path, runtime="onnxruntime") as opened:
        spec = opened.spec  # refuses a spec that contradicts the graph
    return Hub(path, digest_of_hub(path, model), opset, spec, count_operators(model))


def in_one_file(hub: Hub, folder: Path) -> Hub:
    """The hub, or a copy in a new ``folder`` where its weights lie in further files beside it.

    Tools find such files only beside the graph, and write their own copies without them.

    Raises:
        ConversionError: It is too large for one file.
    """
    onnx = require("onnx", extra="convert")
    if not external_files(hub.path, load_graph(hub.path)):
        return hub
    folder.mkdir()
    copy = folder / hub.path.name
    try:
        onnx.save(onnx.load(str(hub.path)), str(copy))
    except (ValueError, onnx.checker.ValidationError) as error:
        raise ConversionError(f"{hub.path}: not possible in one file ({error})") from error
    return replace(hub, path=copy)


def digest_of_hub(path: Path, model: Any) -> str:  # noqa: ANN401 -- onnx.ModelProto
    """SHA-256 of a hub file, or of the hashes of all its files, in hexadecimal."""
    data = external_files(path, model)
    if not data:
        return sha256_of(path)
    lines = [f"{sha256_of(file)}  {file.name}\n" for file in (path, *data)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def load_graph(path: Path) -> Any:  # noqa: ANN401 -- onnx.ModelProto; onnx ships no types
    """Read an ONNX file without its external data.

    Raises:
        InputError: The file is missing, not ONNX, or names external data outside its folder.
    """
    onnx = require("onnx", extra="convert")
    decode_error = require("google.protobuf.message", extra="convert").DecodeError
    require_regular(path)
    try:
        model = onnx.load(str(path), load_external_data=False)
    except decode_error as error:
        raise InputError(f"{path}: not an ONNX file ({error})") from error
    if not model.graph.node or not model.opset_import:
        raise InputError(f"{path}: not an ONNX file (it holds no graph)")
    external_files(path, model)
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


def external_files(path: Path, model: Any) -> list[Path]:  # noqa: ANN401 -- onnx.ModelProto
    """Files with weights of ``model``, which was read from ``path``.

    Raises:
        InputError: One lies outside the folder of ``path``: a hub file from elsewhere must not make
            us read other files of this machine; or it is missing or cannot be read as a whole.
    """
    helper = require("onnx.external_data_helper", extra="convert")
    folder = real_path(path).parent
    files = []
    # The helper that lists every tensor, attributes and subgraphs included, is private in onnx.
    tensors = filter(helper.uses_external_data, helper._get_all_tensors(model))
    try:
        locations = sorted({helper.ExternalDataInfo(tensor).location for tensor in tensors})
        resolved = {location: real_path(folder / location) for location in locations}
    except ValueError as error:  # an offset that is no number, a NUL in the name
        raise InputError(f"{path}: its external data cannot be found ({error})") from error
    for location, data in resolved.items():
        if Path(location).is_absolute() or not data.is_relative_to(folder):
            raise InputError(f"{path}: its external data {location!r} leaves its folder; refused")
        if not data.exists():
            raise InputError(f"{path}: its external data {location!r} is missing")
        require_regular(data)
        files.append(data)
    return files
