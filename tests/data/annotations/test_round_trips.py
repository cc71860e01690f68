"""Any boxes come back from any format as they went in."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from label_exports import EXPORTS
from PIL import Image

from lightning_plates.data.annotations import read_labels
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.data.annotations.registry import writable_formats

quick = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
LETTERS = st.sampled_from("abcÑñé車 -_.0123456789")
NAMES = st.text(LETTERS, min_size=1, max_size=8).filter(
    lambda name: name.strip(" .") == name and not name.startswith("-")
)
LABELS = st.sampled_from(["plate", "placa", "matrícula", "motorcycle plate"])


@st.composite
def plates(draw):
    """A box of at least a thousandth of a pixel inside 96 × 64."""
    x1 = draw(st.floats(0, 95))
    y1 = draw(st.floats(0, 63))
    x2 = draw(st.floats(x1 + 0.001, 96))
    y2 = draw(st.floats(y1 + 0.001, 64))
    return BoxRecord(x1, y1, x2, y2, draw(LABELS))


PHOTOS = st.dictionaries(
    NAMES.map(lambda name: f"{name}.jpg"),
    st.lists(plates(), min_size=1, max_size=3, unique_by=lambda box: box.xyxy).map(tuple),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> bytes:
    file = tmp_path_factory.mktemp("photo") / "a.jpg"
    Image.new("RGB", (96, 64)).save(file)
    return file.read_bytes()


def photo_folder(folder: Path, photos, photo: bytes) -> Path:
    folder.mkdir()
    for file in photos:
        (folder / file).write_bytes(photo)
    return folder


def assert_same(found, photos, keeps_label=True):
    assert found.problems == ()
    read = {photo.file: photo.boxes for photo in found.annotations.photos}
    assert read.keys() == photos.keys()
    for file, boxes in photos.items():
        for box, copy in zip(boxes, read[file], strict=True):
            assert copy.xyxy == pytest.approx(box.xyxy, abs=1e-6)
            assert copy.label == (box.label if keeps_label else "plate")


@quick
@given(photos=PHOTOS)
@pytest.mark.parametrize("name", EXPORTS)
def test_exports_of_other_tools(name, photos, photo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    source = EXPORTS[name](folder / "labels", photos)
    assert_same(read_labels(source, photo_folder(folder / "img", photos, photo)), photos)


@quick
@given(photos=PHOTOS)
@pytest.mark.parametrize("name", writable_formats())
def test_formats_that_are_written(name, photos, photo, tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    root = photo_folder(folder / "img", photos, photo)
    records = tuple(PhotoRecord(file, 96, 64, boxes) for file, boxes in photos.items())
    one = writable_formats()[name]
    one.write(AnnotationSet(root, records), folder / "labels" / one.TARGET)
    assert_same(read_labels(folder / "labels", root), photos, keeps_label=name != "thesis_csv")
