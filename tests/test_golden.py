"""Golden answers come from files that may be damaged, or made to harm whoever opens them."""

import io
import json
import os
import random
import zipfile

import numpy as np
import pytest

from lightning_plates import golden as module
from lightning_plates.agreement import Agreement
from lightning_plates.boxes import Detection
from lightning_plates.errors import InputError
from lightning_plates.golden import Golden, load_golden, save_golden

PHOTO = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
BOX = (1.0, 2.0, 3.5, 4.0)
OPTIONS = {"score_threshold": 0.25}


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "m.onnx.golden.npz"
    answers = ((Detection(BOX, 0.9),), ())
    made = Agreement(2, 1, 1.0, 0.0)
    save_golden(Golden((PHOTO, PHOTO), answers, "detection", OPTIONS, made, "fp32"), file)
    return file


@pytest.fixture
def old_file(tmp_path):
    """As version 1 wrote it."""
    file = tmp_path / "old.onnx.golden.npz"
    facts = {
        "version": 1,
        "answers": [[{"box": BOX, "confidence": 0.9}], []],
        "score_threshold": 0.25,
        "agreement": {
            "photos": 2, "answered": 1, "mean_iou": 1.0, "max_score_difference": 0.0,
        },
        "precision": "int8",
    }  # fmt: skip
    np.savez_compressed(file, facts=np.array(json.dumps(facts)), photo_0=PHOTO, photo_1=PHOTO)
    return file


def rewrite(file, **members):
    """Put other arrays (or bytes) in the place of some of the file's."""
    with np.load(file) as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in {**kept, **members}.items():
            stream = io.BytesIO()
            if isinstance(values, np.ndarray):
                np.lib.format.write_array(stream, values, allow_pickle=True)
            else:
                stream.write(values)
            archive.writestr(f"{name}.npy", stream.getvalue())


def facts_with(file, **changes):
    with np.load(file) as arrays:
        facts = json.loads(str(arrays["facts"]))
    rewrite(file, facts=np.array(json.dumps({**facts, **changes})))


def test_what_was_saved_is_loaded(file):
    loaded = load_golden(file)
    assert loaded.answers == ((Detection(BOX, 0.9),), ())
    np.testing.assert_array_equal(loaded.photos[1], PHOTO)
    assert loaded.agreement == Agreement(2, 1, 1.0, 0.0)
    assert (loaded.task, loaded.options, loaded.precision) == ("detection", OPTIONS, "fp32")


def test_version_1_is_read_as_before(old_file):
    loaded = load_golden(old_file)
    assert loaded.answers == ((Detection(BOX, 0.9),), ())
    np.testing.assert_array_equal(loaded.photos[1], PHOTO)
    assert loaded.agreement == Agreement(2, 1, 1.0, 0.0)
    assert (loaded.task, loaded.options, loaded.precision) == ("detection", OPTIONS, "int8")


def test_version_1_without_confidences_held_single_boxes(old_file):
    facts_with(old_file, answers=[[{"box": BOX, "confidence": None}]] * 2)
    loaded = load_golden(old_file)
    assert loaded.answers == ((Detection(BOX, None),),) * 2
    assert (loaded.task, loaded.options) == ("box", {})


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"photo_0": PHOTO.astype(float)}, r"photo_0 is float64 \(4, 6, 3\), expected uint8"),
        ({"photo_1": PHOTO[..., 0]}, r"photo_1 is uint8 \(4, 6\), expected uint8 \(H, W, 3\)"),
        ({"photo_1": PHOTO[:0]}, r"photo_1 is uint8 \(0, 6, 3\)"),
        ({"photo_0": np.array([{"a": 1}], object)}, "allow_pickle=False"),
        ({"photo_0": b"no array"}, "photo_0 is "),
        ({"facts": np.array(7)}, "version is None"),
        ({"facts": np.array("[" * 100_000)}, "nested too deeply"),
        ({"facts": np.array('{"version": NaN}')}, "not JSON"),
    ],
)
def test_arrays_that_are_none_of_ours_are_named(file, members, reason):
    rewrite(file, **members)
    with pytest.raises(InputError, match=rf"{file.name}: .*{reason}"):
        load_golden(file)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 3}, "version is 3, this program reads versions 1 and 2"),
        ({"version": True}, "version is True"),
        ({"photos": 0}, "photos: expected `int` >= 1"),
        ({"photos": 3}, "it lacks photo_2"),
        ({"photos": "2"}, "photos: expected `int`, got `str`"),
        ({"task": "smell"}, "unknown task 'smell'"),
        ({"options": {"score_threshold": 2}}, "score_threshold: expected `float` <= 1.0"),
        ({"options": {"scent": 2}}, "task detection has no option 'scent'"),
        ({"options": []}, "options: expected `object`, got `array`"),
        ({"agreement": {"photos": 2}}, "agreement: object missing required field"),
        ({"precision": 16}, "precision: expected `str`"),
    ],
)
def test_facts_that_are_none_of_ours_are_named(file, changes, reason):
    facts_with(file, **changes)
    with pytest.raises(InputError, match=rf"{file.name}: .*{reason}"):
        load_golden(file)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"answers": []}, "answers: expected `array` of length >= 1"),
        ({"answers": [[]] * 3}, "it lacks photo_2"),
        ({"answers": [[], [{"box": [1, 2, 3], "confidence": None}]]}, r"answers\[1\]\[0\].box: "),
        ({"answers": [[{"box": [1, 2, 3, "4"], "confidence": None}]]}, r"box\[3\]: .* got `str`"),
        ({"answers": [[{"box": [1, 2, 3, 4], "confidence": True}]]}, "confidence: .* got `bool`"),
        ({"answers": "none"}, "answers: expected `array`, got `str`"),
        ({"score_threshold": 2}, "score_threshold: expected `float` <= 1.0"),
        ({"agreement": {"photos": 2}}, "agreement: object missing required field"),
        ({"precision": 16}, "precision: expected `str`"),
    ],
)
def test_facts_of_version_1_that_are_none_of_ours_are_named(old_file, changes, reason):
    facts_with(old_file, **changes)
    with pytest.raises(InputError, match=rf"{old_file.name}: .*{reason}"):
        load_golden(old_file)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"boxes": np.zeros((1, 3))}, r"boxes have shape \(1, 3\)"),
        ({"confidences": np.zeros(2)}, r"confidences \(2,\)"),
        ({"boxes": np.array([["a"] * 4])}, "could not convert"),
    ],
)
def test_answers_that_are_none_of_ours_are_named(file, arrays, reason):
    rewrite(file, **{f"answer_0_{name}": values for name, values in arrays.items()})
    with pytest.raises(InputError, match=rf"{file.name}: .*{reason}"):
        load_golden(file)


def test_an_archive_that_would_fill_the_memory_is_refused_packed(file, monkeypatch):
    monkeypatch.setattr(np, "load", lambda *_, **__: pytest.fail("it was unpacked"))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("facts.npy", bytes(module._MAX_UNPACKED + 1))
    assert file.stat().st_size < 1_000_000
    with pytest.raises(InputError, match="it would unpack to 256 MB"):
        load_golden(file)


@pytest.mark.parametrize("shape", [(10**12, 10**12, 3), (2**40, 1, 3), (-1, 4, 3)])
def test_an_array_that_claims_to_be_larger_than_its_data_is_refused(file, shape):
    header = io.BytesIO()
    facts = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, facts)
    rewrite(file, photo_0=header.getvalue() + bytes(72))
    with pytest.raises(InputError, match=r"golden\.npz: not a file of golden answers"):
        load_golden(file)


@pytest.mark.parametrize("header", [b"{'descr': (", b"[" * 9000, b"\xff" * 80, b"{'descr': '|O'}"])
def test_a_header_that_is_none_is_refused(file, header):
    size = len(header).to_bytes(2, "little")
    rewrite(file, photo_0=b"\x93NUMPY\x01\x00" + size + header)
    with pytest.raises(InputError, match=r"golden\.npz: not a file of golden answers"):
        load_golden(file)


def test_a_file_that_would_hang_or_loop_is_refused(file):
    for make in (os.mkfifo, lambda path: path.symlink_to(path.name)):
        file.unlink()
        make(file)
        with pytest.raises(InputError, match=r"golden\.npz: not a file of golden answers"):
            load_golden(file)


def test_other_compressions_are_refused(file):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("facts.npy", b"x" * 100)
    with pytest.raises(InputError, match="compressed in a way"):
        load_golden(file)


def test_every_damage_is_one_line(file):
    """Bits that rot, and files that were cut off."""
    whole, rng = file.read_bytes(), random.Random(0)
    loaded = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        file.write_bytes(data[: rng.randrange(len(data))] if rng.random() < 0.2 else data)
        try:
            load_golden(file)
            loaded += 1  # a time stamp, say
        except InputError as error:
            assert str(error).startswith(f"{file}: ")  # noqa: PT017 -- either is right
    assert loaded < 200
