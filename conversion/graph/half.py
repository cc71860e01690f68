"""Half precision inside an ONNX file."""

from __future__ import annotations

from pathlib import Path

from lightning_plates.optional import require


def save_half(source: Path, target: Path) -> None:
    """Write a copy that stores and computes in half precision; input and output stay float32.

    Args:
        source: A float32 ``.onnx`` file.
        target: The file to write.
    """
    onnx = require("onnx", extra="convert")
    float16 = require("onnxruntime.transformers.float16", extra="convert")
    model = onnx.load(str(source))
    onnx.save(float16.convert_float_to_float16(model, keep_io_types=True), str(target))
