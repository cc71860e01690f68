"""Fixtures that every test may use."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from PIL import Image

PROJECT = Path(__file__).parents[1]

# On a busy machine everything is slow, which is no fault of a test.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(autouse=True)
def _no_locale(monkeypatch):
    """Commands answer in the language of the machine's locale; tests name theirs."""
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.setenv("LC_MESSAGES", "C")


@pytest.fixture(scope="session")
def project_dir() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real photos beside the project; they are not part of it."""
    folder = PROJECT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("needs the reference photos in ../shared, which are not part of the project")
    return folder


@pytest.fixture(scope="session")
def make_photo_set():
    """Writes grey photos with a light patch for each box, and gives back their annotation set."""
    return _make_photo_set


def _make_photo_set(folder: Path, boxes_by_file, size=(96, 64)):
    from lightning_plates.data.annotations.record import AnnotationSet, PhotoRecord

    width, height = size
    records = []
    for number, (file, boxes) in enumerate(boxes_by_file.items()):
        pixels = np.full((height, width, 3), 90 + number % 100, dtype=np.uint8)
        for box in boxes:
            pixels[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)] = 150
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        records.append(PhotoRecord(file, width, height, tuple(boxes)))
    return AnnotationSet(folder, tuple(records))


@pytest.fixture(scope="session")
def plate_set(tmp_path_factory) -> Path:
    """Thirty tiny photos with one white plate each, and their ``boxes.csv``."""
    from tiny import make_plate_set

    return make_plate_set(tmp_path_factory.mktemp("plates"), 30)


@pytest.fixture
def fake_tensorrt(tmp_path, monkeypatch):
    """TensorRT 10.3 on a board called Orin, computed by ONNX Runtime; gives its driver."""
    from fake_tensorrt import install

    return install(monkeypatch, tmp_path)
