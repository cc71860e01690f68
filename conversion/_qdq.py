"""Static INT8 as Q/DQ nodes: per-channel weights, unsigned activations (measured fastest on x86).

The ranges are calibrated once; a quantised file for any choice of float layers then costs little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from conversion._calibration import Calibration
from conversion._hub_file import Hub, load_graph
from lightning_plates.errors import InputError
from lightning_plates.optional import require

ALGORITHMS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "minmax": ("MinMax", {}),
    # ONNX Runtime's own 128 bins gave exactly min-max's figures (docs/conversion.md).
    "entropy": ("Entropy", {"num_bins": 512}),
    # Its default makes ranges symmetric, which wastes half the levels behind a ReLU.
    "percentile": ("Percentile", {"symmetric": False, "percentile": 99.99}),
}
"""How activation ranges are found: what ONNX Runtime calls it, and options."""
_WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
_QUANTISED = [
    "Add", "AveragePool", "Clip", "Concat", "Conv", "Flatten", "Gemm", "GlobalAveragePool",
    "MatMul", "MaxPool", "Pad", "Relu", "Reshape", "Resize", "Transpose",
]  # fmt: skip
"""Operators that have an INT8 kernel or pass INT8 through; the others stay in float."""


class Quantiser:
    """A hub file with calibrated ranges, ready to be written in INT8.

    Args:
        hub: The source.
        calibration: Photos to find the ranges with.
        algorithm: One of :data:`ALGORITHMS`.
        scratch: Folder for intermediate files.
    """

    def __init__(self, hub: Hub, calibration: Calibration, algorithm: str, scratch: Path) -> None:
        self._onnx = require("onnx", extra="convert")
        self._prepared = scratch / "prepared.onnx"
        shapes = require("onnxruntime.quantization.shape_inference", extra="convert")
        shapes.quant_pre_process(
            str(hub.path), str(self._prepared), skip_symbolic_shape=True, auto_merge=True
        )
        model = self._onnx.load(str(self._prepared))
        _name_nodes(model)
        self._onnx.save(model, str(self._prepared))
        self.layers: tuple[str, ...] = tuple(
            node.name for node in model.graph.node if node.op_type in _WEIGHTED
        )
        """Names of the layers with weights, from input to output."""
        self._decoding = _decoding_nodes(model)
        self._metadata = {entry.key: entry.value for entry in load_graph(hub.path).metadata_props}
        self._ranges = self._calibrate(hub, calibration, algorithm, scratch)

    def write(self, target: Path, keep_float: Sequence[str]) -> None:
        """Write the quantised model.

        Args:
            target: The ``.onnx`` file.
            keep_float: Layers that stay in float.

        Raises:
            InputError: There is no such layer.
        """
        unknown = sorted(set(keep_float) - set(self.layers))
        if unknown:
            raise InputError(f"no layer {unknown[0]!r} (layers: {', '.join(self.layers)})")
        quantization = require("onnxruntime.quantization", extra="convert")
        qdq = require("onnxruntime.quantization.qdq_quantizer", extra="convert")
        quantiser = qdq.QDQQuantizer(
            self._onnx.load(str(self._prepared)),
            per_channel=True,
            reduce_range=False,
            weight_qType=quantization.QuantType.QInt8,
            activation_qType=quantization.QuantType.QUInt8,
            tensors_range=self._ranges,
            nodes_to_quantize=[],
            nodes_to_exclude=[*keep_float, *self._decoding],
            op_types_to_quantize=_QUANTISED,
            extra_options={},
        )
        quantiser.quantize_model()
        model = quantiser.model.model
        self._onnx.helper.set_model_props(model, self._metadata)
        self._onnx.save(model, str(target))

    def _calibrate(self, hub: Hub, calibration: Calibration, algorithm: str, scratch: Path) -> Any:  # noqa: ANN401 -- onnxruntime's TensorsData
        calibrate = require("onnxruntime.quantization.calibrate", extra="convert")
        method, options = ALGORITHMS[algorithm]
        calibrator = calibrate.create_calibrator(
            self._prepared,
            _QUANTISED,
            augmented_model_path=str(scratch / "augmented.onnx"),
            calibrate_method=getattr(calibrate.CalibrationMethod, method),
            extra_options=dict(options),
        )
        calibrator.collect_data(_Feeds(calibration, hub))
        return calibrator.compute_data()


class _Feeds:
    """Calibration inputs in the form that ONNX Runtime asks for."""

    def __init__(self, calibration: Calibration, hub: Hub) -> None:
        self._name = hub.spec.input_name
        self._batches: Iterator[Any] = calibration.batches(hub.spec)

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


def _name_nodes(model: Any) -> None:  # noqa: ANN401 -- onnx.ModelProto
    """Give every node a name: what is left in float is chosen by it."""
    taken = {node.name for node in model.graph.node}
    for number, node in enumerate(model.graph.node):
        if not node.name:
            name = f"{node.op_type}_{number}"
            node.name = name if name not in taken else f"{name}_unnamed"


def _decoding_nodes(model: Any) -> list[str]:  # noqa: ANN401 -- onnx.ModelProto
    """Nodes behind the last layers: they compute coordinates, which eight bits cannot hold."""
    wanted: set[str] = set()  # tensors that some layer with weights depends on
    decoding = []
    for node in reversed(model.graph.node):
        if node.op_type in _WEIGHTED or any(name in wanted for name in node.output):
            wanted.update(node.input)
        else:
            decoding.append(node.name)
    return decoding
