"""Writes TensorFlow Lite metadata into a model: what goes in, what comes out.

Android's tools read it to prepare photos and to show boxes. The numbers of the fields are those of
metadata_schema.fbs 1.1.0 (https://github.com/tensorflow/tflite-support).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lightning_plates.optional import require
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks import task_of

ENTRY = b"TFLITE_METADATA"
"""Name under which the readers look for it."""
_IDENTIFIER = b"M001"
_NORMALIZATION_OPTIONS, _IMAGE_PROPERTIES, _BOUNDING_BOX_PROPERTIES = 1, 2, 3  # union members
_BOUNDARIES, _RGB = 1, 1  # BoundingBoxType, ColorSpaceType


def add_metadata(model: Path, spec: ModelSpec) -> None:
    """Describe input and outputs inside the file ``model``, in place.

    Args:
        model: A ``.tflite`` file without metadata of this kind.
        spec: Its convention.
    """
    files = require("ai_edge_litert.tools.flatbuffer_utils", extra="tflite")
    schema = require("ai_edge_litert.schema_py_generated", extra="tflite")
    content = files.read_model(str(model))
    main = content.subgraphs[0]
    # The signature keeps the names; the quantiser renames tensors.
    names = {output.tensorIndex: output.name for output in content.signatureDefs[0].outputs}
    outputs = {names[i].decode(): len(main.tensors[i].shape) for i in main.outputs}
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = build_metadata(spec, outputs)
    entry.name, entry.buffer = ENTRY, len(content.buffers)
    content.buffers.append(buffer)
    content.metadata = [*(content.metadata or []), entry]
    files.write_model(content, str(model))


def build_metadata(spec: ModelSpec, outputs: Mapping[str, int]) -> bytes:
    """The metadata alone.

    Args:
        spec: The model's convention.
        outputs: Number of axes by output, in the graph's order.
    """
    flatbuffers = require("flatbuffers", extra="tflite")
    builder = flatbuffers.Builder(1024)
    answers = [_output(builder, name, axes, spec) for name, axes in outputs.items()]
    photo = _input(builder, spec)
    graph = _table(builder, {2: _list(builder, [photo]), 3: _list(builder, answers)})
    description = (
        f"Finds licence plates. Photos: {spec.resize} to {spec.width} x {spec.height} pixels."
    )
    root = {
        0: builder.CreateString(spec.name),
        1: builder.CreateString(description),
        3: _list(builder, [graph]),
        7: builder.CreateString("1.0.0"),
    }
    builder.Finish(_table(builder, root), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _input(builder: Any, spec: ModelSpec) -> int:  # noqa: ANN401 -- flatbuffers.Builder
    # The schema counts pixels from 0 to 255, the spec from 0 to 1.
    mean, std = (np.array(values, np.float32) * 255 for values in (spec.mean, spec.std))
    options = _table(
        builder, {0: builder.CreateNumpyVector(mean), 1: builder.CreateNumpyVector(std)}
    )
    unit = _table(builder, {1: options}, {0: _NORMALIZATION_OPTIONS})
    # The schema knows no BGR; a colour order that it cannot say stays unknown.
    image = _table(builder, {}, {0: _RGB if spec.colour_order == "RGB" else 0})
    content = _table(builder, {1: image}, {0: _IMAGE_PROPERTIES})
    description = f"Photo, {spec.colour_order}, {spec.width} x {spec.height}, {spec.resize}."
    return _table(
        builder,
        {
            0: builder.CreateString(spec.input_name),
            1: builder.CreateString(description),
            3: content,
            4: _list(builder, [unit]),
        },
    )


def _output(builder: Any, name: str, axes: int, spec: ModelSpec) -> int:  # noqa: ANN401
    meaning = task_of(spec).meaning(name, spec)
    fields = {0: builder.CreateString(name), 1: builder.CreateString(meaning.text)}
    if meaning.holds_boxes:
        order = builder.CreateNumpyVector(np.arange(4, dtype=np.uint32))
        properties = _table(builder, {0: order}, {1: _BOUNDARIES})
        fields[3] = _table(
            builder,
            {1: properties, 2: _last_axis(builder, axes)},
            {0: _BOUNDING_BOX_PROPERTIES},
        )
    return _table(builder, fields)


def _last_axis(builder: Any, axes: int) -> int:  # noqa: ANN401 -- flatbuffers.Builder
    """A ValueRange: the content is the last axis, those before it count objects."""
    builder.StartObject(2)
    builder.PrependInt32Slot(0, axes - 1, 0)
    builder.PrependInt32Slot(1, axes - 1, 0)
    return int(builder.EndObject())


def _table(
    builder: Any,  # noqa: ANN401 -- flatbuffers.Builder
    offsets: Mapping[int, int],
    bytes_: Mapping[int, int] | None = None,
) -> int:
    """Write one table: what it points to and its enumerations, by field number."""
    values = bytes_ or {}
    builder.StartObject(max([*offsets, *values], default=-1) + 1)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, value in values.items():
        builder.PrependInt8Slot(slot, value, 0)
    return int(builder.EndObject())


def _list(builder: Any, offsets: Sequence[int]) -> int:  # noqa: ANN401 -- flatbuffers.Builder
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
