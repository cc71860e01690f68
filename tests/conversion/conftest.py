"""A tiny hub file, photos to compare on and photos to calibrate with."""

import numpy as np
import pytest
from tiny_onnx import save_conv_model

from conversion.int8.calibration import Calibration
from lightning_plates.photos import encode_jpeg


@pytest.fixture
def hub_file(tmp_path):
    return save_conv_model(tmp_path / "tiny.onnx")


@pytest.fixture(scope="session")
def some_photos():
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (20, 30 + i, 3), dtype=np.uint8) for i in range(6)]


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory, some_photos):
    folder = tmp_path_factory.mktemp("photos")
    for number, photo in enumerate(some_photos):
        (folder / f"{number}.jpg").write_bytes(encode_jpeg(photo))
    return folder


@pytest.fixture(scope="session")
def calibration(photo_folder):
    return Calibration(tuple(sorted(photo_folder.iterdir())), seed=0, side="all")
