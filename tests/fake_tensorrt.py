"""A TensorRT that computes with ONNX Runtime, and a CUDA whose memory is the host's.

It has the names that the real bindings of a version have, and no others:
``files/tensorrt/api.json`` lists them, read from the wheels of 8.6.1, 10.3.0 and 11.4.0. What it
refuses, the real one refuses too, as far as NVIDIA's documents say: an engine of another machine, a
calibration cache of another version, zero points, networks without the explicit batch.
"""
# ruff: noqa: N802 -- the functions of CUDA are named as in cuda.h

import ctypes
import json
import sys
from enum import Enum, IntEnum
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import onnx
import onnxruntime

API = Path(__file__).parent / "files" / "tensorrt" / "api.json"
SINCE_8_4 = ("set_memory_pool_limit",)
SINCE_8_5 = (
    "num_io_tensors", "get_tensor_name", "get_tensor_mode", "get_tensor_shape",
    "get_tensor_dtype", "set_tensor_address", "execute_async_v3",
)  # fmt: skip
"""What 8.2 lacks, by NVIDIA's release notes; no wheel of it could be had."""


def api_of(version):
    """Public names by class."""
    known = json.loads(API.read_text())
    if version != "8.2.1.8":
        return known[version]
    older = {name: names for name, names in known["8.6.1"].items()}
    return {
        name: [one for one in names if one not in SINCE_8_4 + SINCE_8_5]
        for name, names in older.items()
        if name not in {"TensorIOMode", "MemoryPoolType"}
    }


def cache_head(version):
    """First line of a calibration cache, worked out apart from the code under test."""
    return {"8.2.1.8": "TRT-8201", "8.6.1": "TRT-8601", "10.3.0": "TRT-100300"}[version]


class FakeDriver:
    """``libcuda`` with one device."""

    def __init__(self, name="Orin", capability=(8, 7)):
        self.name, self.capability = name, capability
        self.memory, self.streams, self.fails_at = {}, 0, None

    def __getattr__(self, function):
        raise AttributeError(f"libcuda: undefined symbol: {function}")

    def cuInit(self, flags):
        return 100 if self.fails_at == "cuInit" else 0

    def cuDeviceGet(self, device, number):
        return 0

    def cuDeviceGetName(self, text, size, device):
        text.value = self.name.encode()
        return 0

    def cuDeviceGetAttribute(self, value, number, device):
        value._obj.value = self.capability[{75: 0, 76: 1}[number]]
        return 0

    def cuDevicePrimaryCtxRetain(self, context, device):
        context._obj.value = 1
        return 0

    def cuDevicePrimaryCtxRelease_v2(self, device):
        return 0

    def cuCtxSetCurrent(self, context):
        return 0

    def cuStreamCreate(self, stream, flags):
        stream._obj.value, self.streams = 7, self.streams + 1
        return 0

    def cuStreamDestroy_v2(self, stream):
        self.streams -= 1
        return 0

    def cuStreamSynchronize(self, stream):
        return 0

    def cuMemAlloc_v2(self, address, size):
        if self.fails_at == "cuMemAlloc_v2":
            return 2
        buffer = ctypes.create_string_buffer(size.value)
        address._obj.value = ctypes.addressof(buffer)
        self.memory[address._obj.value] = buffer
        return 0

    def cuMemFree_v2(self, address):
        del self.memory[address.value]
        return 0

    def cuMemcpyHtoD_v2(self, target, source, size):
        ctypes.memmove(target.value, source.value, size.value)
        return 0

    def cuMemcpyDtoH_v2(self, target, source, size):
        ctypes.memmove(target.value, source.value, size.value)
        return 0

    def cuGetErrorString(self, status, text):
        text._obj.value = {2: b"out of memory", 100: b"no CUDA-capable device"}[status]
        return 0


class Severity(IntEnum):
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)


class ILogger:
    Severity = Severity
    INTERNAL_ERROR, ERROR, WARNING = Severity.INTERNAL_ERROR, Severity.ERROR, Severity.WARNING

    def log(self, severity, text):
        raise NotImplementedError


class BuilderFlag(IntEnum):
    FP16, INT8, TF32 = 0, 1, 6


class NetworkDefinitionCreationFlag(IntEnum):
    EXPLICIT_BATCH = 0


class MemoryPoolType(Enum):
    WORKSPACE = 0


class TensorIOMode(Enum):
    NONE, INPUT, OUTPUT = range(3)


class DataType(Enum):
    FLOAT = "tensor(float)"


class IInt8EntropyCalibrator2:
    get_batch_size = get_batch = read_calibration_cache = write_calibration_cache = None


class IBuilderConfig:
    def __init__(self):
        self.flags, self.timings = {BuilderFlag.TF32}, None
        self.workspace = self.max_workspace_size = None
        self.int8_calibrator = None

    def set_flag(self, flag):
        self.flags.add(flag)

    def clear_flag(self, flag):
        self.flags.discard(flag)

    def set_memory_pool_limit(self, pool, size):
        self.workspace = {pool.name: size}

    def create_timing_cache(self, known):
        return ITimingCache(known) if known in (b"", b"measured times") else None

    def set_timing_cache(self, cache, ignore_mismatch):
        self.timings = cache
        return True

    def get_timing_cache(self):
        return self.timings


class ITimingCache:
    def __init__(self, known):
        self.known = known

    def serialize(self):
        return b"measured times"


class OnnxParser:
    def __init__(self, network, log):
        self.network, self.errors = network, []

    @property
    def num_errors(self):
        return len(self.errors)

    def get_error(self, number):
        return self._error(*self.errors[number])

    def parse(self, data):
        refusal = _refusal(data, self.network.explicit)
        if refusal:
            self.errors.append(refusal)
            return False
        self.network.data = data
        return True


class ParserError:
    def __init__(self, text, number, node):
        self._text, self._number, self._node = text, number, node

    def desc(self):
        return self._text

    def node(self):
        return self._number

    def node_name(self):
        return self._node.name

    def node_operator(self):
        return self._node.op_type


def _refusal(data, explicit):
    """Reason, number of the node and the node; or ``None``."""
    if not explicit:
        return "This version of the ONNX parser only supports\nexplicit-batch networks", -1, None
    graph = onnx.load_from_string(data).graph
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for number, node in enumerate(graph.node):
        if node.op_type == "Mod":
            return "Assertion failed:\nfalse", number, node
        if node.op_type in {"QuantizeLinear", "DequantizeLinear"}:
            zeros = values[node.input[2]]
            if zeros.dtype != np.int8 or zeros.any():
                return "Non-zero zero point is not supported", number, node
    return None


def _is_dynamic(data):
    shape = onnx.load_from_string(data).graph.input[0].type.tensor_type.shape
    return any(size.dim_param for size in shape.dim)


def make_tensorrt(version, driver, fast_int8=True):
    """A module ``tensorrt`` of that version on the machine of ``driver``."""
    api = api_of(version)
    major = int(version.split(".")[0])

    class Builder:
        platform_has_fast_int8 = fast_int8

        def __init__(self, log):
            if driver.fails_at == "builder":
                log.log(Severity.ERROR, "CUDA initialization failure\nwith error: 35")
                raise TypeError("pybind11::init(): factory function returned nullptr")
            self.log = log

        def create_network(self, flags=0):
            return SimpleNamespace(explicit=major >= 10 or flags & 1, data=None)

        def create_builder_config(self):
            config = made["IBuilderConfig"]()
            if "max_workspace_size" not in api["IBuilderConfig"]:
                del config.max_workspace_size
            return config

        def build_serialized_network(self, network, config):
            if _is_dynamic(network.data):
                self.log.log(Severity.ERROR, "Network has dynamic inputs, but no profile")
                return None
            calibrator, ranges = config.int8_calibrator, None
            if calibrator is not None:
                ranges = calibrator.read_calibration_cache().decode()
                if not ranges.startswith(f"{cache_head(version)}-EntropyCalibration2\n"):
                    assert calibrator.get_batch(["image"]) is None
                    self.log.log(Severity.ERROR, "Calibration failure occurred with no scaling")
                    return None
            facts = {
                "version": version,
                "machine": [driver.name, *driver.capability],
                "flags": sorted(flag.name for flag in config.flags),
                "workspace": config.workspace or config.max_workspace_size,
                "ranges": ranges,
            }
            return json.dumps(facts).encode() + b"\n" + network.data

    class Runtime:
        def __init__(self, log):
            self.log = log

        def deserialize_cuda_engine(self, data):
            head, _, network = data.partition(b"\n")
            try:
                facts = json.loads(head)
            except ValueError:
                self.log.log(Severity.ERROR, "Serialization assertion magicTag failed")
                return None
            if facts["version"] != version:
                self.log.log(Severity.ERROR, "The engine plan file is not compatible")
                return None
            if facts["machine"] != [driver.name, *driver.capability]:
                self.log.log(Severity.ERROR, "The engine was built for another device")
                return None
            return made["ICudaEngine"](facts, network)

    class ICudaEngine:
        def __init__(self, facts, network):
            self.facts = facts
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self.session = onnxruntime.InferenceSession(network, options)
            # The output first: who relies on another order is found out.
            self.tensors = [*self.session.get_outputs(), *self.session.get_inputs()]
            self.by_name = {tensor.name: tensor for tensor in self.tensors}

        @property
        def num_io_tensors(self):
            return len(self.tensors)

        num_bindings = num_io_tensors

        def get_tensor_name(self, number):
            return self.tensors[number].name

        get_binding_name = get_tensor_name

        def get_tensor_shape(self, name):
            return self.by_name[name].shape

        def get_tensor_dtype(self, name):
            return DataType(self.by_name[name].type)

        def get_tensor_mode(self, name):
            return TensorIOMode.INPUT if self._is_input(name) else TensorIOMode.OUTPUT

        def _is_input(self, name):
            return name in {tensor.name for tensor in self.session.get_inputs()}

        def get_binding_shape(self, number):
            return self.tensors[number].shape

        def get_binding_dtype(self, number):
            return DataType(self.tensors[number].type)

        def binding_is_input(self, number):
            return self._is_input(self.tensors[number].name)

        def create_execution_context(self):
            return made["IExecutionContext"](self)

    class IExecutionContext:
        def __init__(self, engine):
            self.engine, self.addresses = engine, {}

        def set_tensor_address(self, name, address):
            self.addresses[name] = address
            return True

        def execute_async_v2(self, bindings, stream_handle):
            names = [tensor.name for tensor in self.engine.tensors]
            self.addresses = dict(zip(names, bindings, strict=True))
            return self._execute(stream_handle)

        def execute_async_v3(self, stream_handle):
            return self._execute(stream_handle)

        def _execute(self, stream_handle):
            assert stream_handle == 7
            if driver.fails_at == "execute":
                return False
            session = self.engine.session
            feeds = {one.name: self._view(one) for one in session.get_inputs()}
            for one, value in zip(session.get_outputs(), session.run(None, feeds), strict=True):
                self._view(one)[...] = value
            return True

        def _view(self, tensor):
            size = int(np.prod(tensor.shape))
            floats = (ctypes.c_float * size).from_address(self.addresses[tensor.name])
            return np.ctypeslib.as_array(floats).reshape(tensor.shape)

    classes = (
        Builder, Runtime, ICudaEngine, IExecutionContext, IBuilderConfig, OnnxParser,
        ITimingCache, ParserError, ILogger, IInt8EntropyCalibrator2,
    )  # fmt: skip
    made = {cls.__name__: _only(cls, api.get(cls.__name__)) for cls in classes}
    made["OnnxParser"]._error = made["ParserError"]
    module = ModuleType("tensorrt")
    module.__spec__ = ModuleSpec("tensorrt", None)
    module.__version__ = version
    for name, cls in made.items():
        if cls is not None:
            setattr(module, name, cls)
    for enum in (BuilderFlag, NetworkDefinitionCreationFlag, MemoryPoolType, TensorIOMode):
        if enum.__name__ in api:
            known = {one.name: one for one in enum if one.name in api[enum.__name__]}
            setattr(module, enum.__name__, SimpleNamespace(**known))
    return module


def install(monkeypatch, folder, version="10.3.0", fast_int8=True):
    """Put it in the place of the real one; caches go into ``folder``.

    Returns:
        The driver, on which the machine can be changed.
    """
    driver = FakeDriver()
    monkeypatch.setitem(sys.modules, "tensorrt", make_tensorrt(version, driver, fast_int8))
    monkeypatch.setattr("runtimes._cuda._load_driver", lambda: driver)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return driver


def _only(cls, names):
    """The class with what the version has; what no version has is a mistake of this file."""
    known = json.loads(API.read_text()).values()
    everything = {name for api in known for name in api.get(cls.__name__, ())}
    public = [name for name in vars(cls) if not name.startswith("_")]
    for name in public:
        assert name in everything, f"{cls.__name__}.{name} is in no version of TensorRT"
    if names is None:
        return None
    return type(cls.__name__, (cls,), {name: _Missing() for name in public if name not in names})


class _Missing:
    def __get__(self, instance, owner):
        raise AttributeError("this version of TensorRT has no such name")
