from pathlib import Path

from setuptools import Distribution

from lightning_plates._packaging import BuildWithData

CHECKOUT = Path(__file__).parents[1]


def packed_data(monkeypatch):
    monkeypatch.chdir(CHECKOUT)
    command = BuildWithData(Distribution({"packages": []}))
    command.ensure_finalized()
    inside = CHECKOUT / command.build_lib / "lightning_plates"
    outputs = [CHECKOUT / output for output in command.get_outputs()]
    return {file.relative_to(inside).as_posix() for file in outputs}


def test_the_wheel_holds_what_reading_needs_and_no_starting_weights(monkeypatch):
    files = packed_data(monkeypatch)
    assert {
        "artifacts/finder/plate_finder_int8.onnx",
        "artifacts/finder/plate_finder_int8.onnx.golden.npz",
        "artifacts/finder/README.md",
        "artifacts/SHA256SUMS",
        "configs/plates/costa_rica.yaml",
        "configs/restrictions/costa_rica.yaml",
        "configs/reading/calibration.yaml",
    } <= files
    assert not [name for name in files if name.endswith((".ckpt", ".safetensors", ".jpg"))]
    assert sum((CHECKOUT / name).stat().st_size for name in files) < 12e6
