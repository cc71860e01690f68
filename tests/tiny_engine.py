"""A tiny TensorRT engine, made as the converter makes them."""

from pathlib import Path

from tiny_onnx import RGB_SPEC, save_mean_colour_model

from conversion.graph.hub_file import open_hub, save_fixed_shapes
from runtimes._cuda import CudaDevice
from runtimes._tensorrt_build import Settings, build_engine, describe_host, load_tensorrt
from runtimes._tensorrt_key import EngineKey, Recipe, sha256_of, write_key


def make_engine(folder: Path, name: str = "tiny.engine") -> Path:
    """The mean-colour model as ``folder/name``, for this machine, with what belongs beside it."""
    hub = open_hub(save_mean_colour_model(folder / "hub.onnx"), 21)
    network = save_fixed_shapes(hub, folder / f"{name}.onnx").read_bytes()
    (folder / "hub.onnx").unlink()
    tensorrt, cuda = load_tensorrt(), CudaDevice()
    host = describe_host(tensorrt, cuda)
    engine = build_engine(tensorrt, network, Settings("fp32", None, 16, None))
    cuda.close()
    (folder / name).write_bytes(engine)
    recipe = Recipe("fp32", hub.sha256, sha256_of(network), None, None, 16)
    write_key(folder / name, EngineKey(recipe, None, None).built(host, engine))
    (folder / f"{name}.spec.json").write_text(RGB_SPEC.to_json())
    return folder / name
