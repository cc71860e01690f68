"""Static INT8 as Q/DQ nodes, with the weights per channel.

The ranges are calibrated once; a quantised file for any choice of float layers then costs little.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conversion.graph.hub_file import Hub, load_graph
from conversion.int8.calibration import Calibration
from conversion.int8.entropy import BINS, best_range
from conversion.tools.output import hushed
from lightning_plates.optional import require

ALGORITHMS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "minmax": ("MinMax", {}),
    # Its histograms alone: what it makes of them is done by conversion/int8/entropy.py.
    "entropy": ("Entropy", {"num_bins": BINS}),
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


def add_algorithm_option(parser: argparse.ArgumentParser) -> None:
    """Declare ``--algorithm``."""
    parser.add_argument(
        "--algorithm", choices=tuple(ALGORITHMS), default="minmax",
        help="how INT8 ranges are found (%(default)s)",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scheme:
    """Which integers stand for activations, and where they do."""

    activations: str
    """ONNX Runtime's name of their type."""
    operators: Sequence[str]
    """Operators whose inputs become INT8."""
    options: Mapping[str, Any]
    """Further options of ONNX Runtime's quantiser."""


UNSIGNED = Scheme("QUInt8", _QUANTISED, {})
"""With a zero point: measured fastest on x86."""
_COMPUTING = [*sorted(_WEIGHTED), "Add"]
SYMMETRIC = Scheme(
    "QInt8",
    _COMPUTING,
    {
        "ActivationSymmetric": True,
        "WeightSymmetric": True,
        # Both halves of the pair around float weights: TensorRT folds them itself.
        "AddQDQPairToWeight": True,
        "QuantizeBias": False,
        # Between a layer and its activation nothing may lie that keeps the two from being one.
        "OpTypesToExcludeOutputQuantization": _COMPUTING,
    },
)
"""What TensorRT reads: zero points of 0, float biases, Q/DQ before the layers alone."""


class Quantiser:
    """A hub file with calibrated ranges, ready to be written in INT8.

    Args:
        hub: The source.
        calibration: Photos to find the ranges with.
        algorithm: One of :data:`ALGORITHMS`.
        scratch: Folder for intermediate files.
        scheme: How integers stand for values.
    """

    def __init__(
        self,
        hub: Hub,
        calibration: Calibration,
        algorithm: str,
        scratch: Path,
        scheme: Scheme = UNSIGNED,
    ) -> None:
        self._scheme = scheme
        self._onnx = require("onnx", extra="convert")
        self.prepared: Path = scratch / "prepared.onnx"
        """The float network that is quantised; its nodes have names."""
        shapes = require("onnxruntime.quantization.shape_inference", extra="convert")
        shapes.quant_pre_process(
            str(hub.path), str(self.prepared), skip_symbolic_shape=True, auto_merge=True
        )
        model = self._onnx.load(str(self.prepared))
        _name_nodes(model)
        self._onnx.save(model, str(self.prepared))
        self.layers: tuple[str, ...] = tuple(
            node.name for node in model.graph.node if node.op_type in _WEIGHTED
        )
        """Names of the layers with weights, from input to output."""
        counts = {one.name: math.prod(one.dims) for one in model.graph.initializer}
        self.weights: dict[str, int] = {
            node.name: counts.get(node.input[1], 0)
            for node in model.graph.node
            if node.op_type in _WEIGHTED
        }
        """Number of weights of each layer."""
        self._decoding = _decoding_nodes(model)
        self._metadata = {entry.key: entry.value for entry in load_graph(hub.path).metadata_props}
        self._ranges = self._calibrate(hub, calibration, algorithm, scratch)

    def write(self, target: Path, keep_float: Sequence[str]) -> None:
        """Write the quantised model.

        Args:
            target: The ``.onnx`` file.
            keep_float: Those of :attr:`layers` that stay in float.
        """
        quantization = require("onnxruntime.quantization", extra="convert")
        qdq = require("onnxruntime.quantization.qdq_quantizer", extra="convert")
        quantiser = qdq.QDQQuantizer(
            self._onnx.load(str(self.prepared)),
            per_channel=True,
            reduce_range=False,
            weight_qType=quantization.QuantType.QInt8,
            activation_qType=quantization.QuantType[self._scheme.activations],
            tensors_range=self._ranges,
            nodes_to_quantize=[],
            nodes_to_exclude=[*keep_float, *self._decoding],
            op_types_to_quantize=list(self._scheme.operators),
            extra_options=dict(self._scheme.options),
        )
        quantiser.quantize_model()
        model = quantiser.model.model
        self._onnx.helper.set_model_props(model, self._metadata)
        self._onnx.save(model, str(target))

    def peaks(self, keep_float: Sequence[str]) -> dict[str, float]:
        """Largest magnitude of each tensor that may be INT8, for tools that take ranges alone.

        Args:
            keep_float: Those of :attr:`layers` that stay in float, and so their results, up to the
                next layers.
        """
        graph = self._onnx.load(str(self.prepared)).graph
        in_float = {*keep_float, *self._decoding, *self._last_layers(graph)}
        weights = {tensor.name for tensor in graph.initializer}
        floats: set[str] = set()
        for node in graph.node:
            follows = node.op_type not in _WEIGHTED and any(name in floats for name in node.input)
            if node.name in in_float or follows:
                floats.update(node.output)
        return {
            name: max(abs(float(bound.reshape(-1)[0])) for bound in found.range_value)
            for name, found in self._ranges.items()
            if name not in floats and name not in weights
        }

    def _last_layers(self, graph: Any) -> set[str]:  # noqa: ANN401 -- onnx.GraphProto
        """Layers whose results become coordinates without another layer in between."""
        read = {
            name for node in graph.node if node.name in self._decoding for name in node.input
        } | {output.name for output in graph.output}
        return {node.name for node in graph.node if set(node.output) & read}

    def _calibrate(self, hub: Hub, calibration: Calibration, algorithm: str, scratch: Path) -> Any:  # noqa: ANN401 -- onnxruntime's TensorsData
        calibrate = require("onnxruntime.quantization.calibrate", extra="convert")
        method, options = ALGORITHMS[algorithm]
        calibrator = calibrate.create_calibrator(
            self.prepared,
            _QUANTISED,
            augmented_model_path=str(scratch / "augmented.onnx"),
            calibrate_method=getattr(calibrate.CalibrationMethod, method),
            extra_options=dict(options),
        )
        batches = calibration.batches(hub.spec)
        with hushed():
            if method == "MinMax":
                calibrator.collect_data(_Feeds(batches, hub))
                return calibrator.compute_data()
            # All values of all photos at once would not fit in memory: it keeps what it is given.
            for batch in batches:
                calibrator.collect_data(_Feeds(iter([batch]), hub))
            return _entropy_ranges(calibrator) if method == "Entropy" else calibrator.compute_data()


def _entropy_ranges(calibrator: Any) -> Any:  # noqa: ANN401 -- onnxruntime's TensorsData
    calibrate = require("onnxruntime.quantization.calibrate", extra="convert")
    ranges = {
        name: tuple(np.float32(limit) for limit in best_range(*histogram[:4]))
        for name, histogram in calibrator.collector.get_histogram_dict().items()
    }
    return calibrate.TensorsData(calibrate.CalibrationMethod.MinMax, ranges)


class _Feeds:
    """Calibration inputs in the form that ONNX Runtime asks for."""

    def __init__(self, batches: Iterator[Any], hub: Hub) -> None:
        self._name = hub.spec.input_name
        self._batches = batches

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
