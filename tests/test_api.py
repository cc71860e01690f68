"""The front door, as programs use it."""

import datetime as dt
import doctest
import io
import json
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from moving_plates import save_video
from PIL import Image
from tiny_onnx import save_conv_model, save_mean_colour_model

import lightning_plates
from lightning_plates import PlateFinder, PlateReader, api, convert, load_model
from lightning_plates.__main__ import main
from lightning_plates.api import sample_photos
from lightning_plates.errors import InputError, PhotoError
from lightning_plates.finding.shipped import default_model
from lightning_plates.reading.answers import NOT_JUDGED, Reading

AT = dt.datetime(2026, 11, 25, 7, 30)  # a Wednesday
LONGEST = 600
"""Characters of an answer with one plate on one line."""


@pytest.fixture(scope="module")
def reader():
    with PlateReader.open() as opened:
        yield opened


@pytest.fixture(scope="module")
def finder():
    with PlateFinder.open() as opened:
        yield opened


@pytest.fixture(scope="module")
def sample():
    return sample_photos()[0]


@pytest.fixture(scope="module")
def reading(reader, sample):
    return reader.read(sample, AT)


@pytest.fixture(scope="module")
def clip(tmp_path_factory, sample):
    """One second of a street in which the car of the sample photo drives to the right."""
    car = np.asarray(Image.open(sample).convert("RGB"))
    frames = [np.roll(car, 2 * number, axis=1) for number in range(10)]
    return save_video(tmp_path_factory.mktemp("street") / "car.avi", frames)


def run_python(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_photo_is_read_and_judged(reading, sample):
    [plate] = reading.plates
    assert (reading.file, reading.error) == (sample, None)
    assert (plate.text, plate.last_digit, plate.restriction.weekday) == ("NMC996", 6, "wednesday")
    assert plate.restriction.restricted_now
    assert reading.image.shape[2] == 3


def as_string(path):
    return str(path)


def as_bytes(path):
    return path.read_bytes()


def as_image(path):
    return Image.open(path)


def as_array(path):
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize("form", [as_string, as_bytes, as_image, as_array])
def test_every_form_of_a_photo_gives_the_same_answer(reader, reading, sample, form):
    again = reader.read(form(sample), AT)
    assert again.plates == reading.plates
    assert again.file == (sample if form is as_string else None)


def test_what_is_no_photo_is_said(reader, tmp_path):
    with pytest.raises(PhotoError, match=r"gone\.jpg"):
        reader.read(tmp_path / "gone.jpg")
    with pytest.raises(PhotoError):
        reader.read(b"no photo")
    with pytest.raises(PhotoError):
        reader.read(np.zeros((4, 4), np.uint8))


def test_read_many_keeps_the_order_and_answers_what_cannot_be_read(reader, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no photo")
    car, truck = sample_photos()
    answers = list(reader.read_many([truck, broken, car, truck], AT, workers=2))
    assert [answer.file for answer in answers] == [truck, broken, car, truck]
    assert [len(answer.plates) for answer in answers] == [1, 0, 1, 1]
    assert answers[0].plates == answers[3].plates
    assert [answer.error is None for answer in answers] == [True, False, True, True]
    assert "\n" not in answers[1].error
    assert "broken.jpg" not in answers[1].error  # which `file` says
    assert all(answer.image is None for answer in answers)
    with pytest.raises(InputError, match="keep_images=True"):
        answers[0].draw()


class Counting:
    """Hands the same photo out ``count`` times, and counts."""

    def __init__(self, photo, count):
        self.photo, self.count, self.taken = photo, count, 0

    def __iter__(self):
        for _ in range(self.count):
            self.taken += 1
            yield self.photo


@pytest.mark.parametrize("workers", [1, 3])
def test_read_many_is_never_far_ahead(reader, monkeypatch, workers):
    monkeypatch.setattr(
        reader, "_try_to_read", lambda *_, **__: Reading(None, (), threading.current_thread().name)
    )
    photos = Counting(b"", 50)
    ahead = [
        photos.taken - number for number, _ in enumerate(reader.read_many(photos, workers=workers))
    ]
    assert len(ahead) == 50
    assert 1 <= max(ahead) <= 2 * workers


def test_read_many_asks_the_clock_anew_for_each_photo(reader, sample):
    moments = iter([AT, AT.replace(hour=20)])
    answers = reader.read_many([sample] * 2, lambda: next(moments), workers=1)
    assert [a.plates[0].restriction.restricted_now for a in answers] == [True, False]


def test_a_moment_without_photos_lets_out_what_is_ready(reader, sample):
    def trickle():
        yield sample
        for _ in range(3_000):
            yield None
            if answered:
                return
            time.sleep(0.01)
        pytest.fail("the answer waited for a second photo")

    answered = []
    for answer in reader.read_many(trickle(), AT, workers=1):
        answered.append(answer)
    assert [answer.plates[0].text for answer in answered] == ["NMC996"]


def test_a_vehicle_of_a_video_is_one_answer(reader, clip):
    pytest.importorskip("norfair", reason="the extra 'video' is not installed")
    [vehicle] = reader.read_video(clip, AT)
    assert (vehicle.plate.text, vehicle.plate.last_digit) == ("NMC996", 6)
    assert (vehicle.vehicle, vehicle.frames, vehicle.frames_agreeing) == (1, 5, 5)
    assert list(vehicle.to_dict()) == ["plates", "video"]
    assert_one_line(vehicle)


def test_the_finder_finds_what_the_reader_reads(finder, reading, sample):
    [found] = finder.find(sample)
    assert found.box == reading.plates[0].box
    assert found.confidence == reading.plates[0].box_confidence
    assert_one_line(found)
    many = list(finder.find_many(sample_photos(), workers=2))
    assert [len(each) for each in many] == [1, 1]
    assert many[0] == (found,)


def test_a_single_pass_is_the_models_first_answer(sample):
    with PlateFinder.open(refine=1) as once, load_model(default_model()) as model:
        photo = np.asarray(Image.open(sample).convert("RGB"))
        assert once.find(photo) == model.locate([photo])[0]


def test_any_exported_model_opens(finder):
    with load_model(default_model()) as model:
        assert model.spec.task == "detection"
        [answer] = model.answer([np.zeros((30, 40, 3), np.uint8)])
        assert answer == ()


def test_a_hub_is_converted_and_answers_as_before(tmp_path):
    hub = save_conv_model(tmp_path / "tiny.onnx")
    artefact = convert(hub, "onnxruntime", "fp16", output=tmp_path / "out")
    assert artefact.path == tmp_path / "out" / "tiny.fp16.onnx"
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    with load_model(hub) as source, load_model(artefact.path) as made:
        [[expected]], [[got]] = source.answer([photo]), made.answer([photo])
    assert got.box == pytest.approx(expected.box, abs=0.1)


@pytest.mark.parametrize(
    ("format", "precision", "reason"),
    [("paper", "fp32", "paper"), ("onnxruntime", "fp7", "fp7")],
)
def test_a_conversion_that_does_not_exist_is_said(tmp_path, format, precision, reason):
    hub = save_conv_model(tmp_path / "tiny.onnx")
    with pytest.raises(InputError, match=reason):
        convert(hub, format, precision, output=tmp_path / "out")


def test_to_dict_is_what_read_prints(reading, sample, capsys):
    words = ["read", str(sample), "--json", "--at", AT.isoformat()]
    assert main(words) == 0
    printed = json.loads(capsys.readouterr().out)
    made = json.loads(json.dumps(reading.to_dict()))
    assert list(printed) == list(made)
    assert list(printed.pop("timings_ms")) == list(made.pop("timings_ms"))
    assert printed == made


def assert_one_line(result):
    for text in (repr(result), str(result)):
        assert 0 < len(text) < LONGEST
        assert text.isprintable()


def test_results_print_on_one_line(reading):
    plate = reading.plates[0]
    for result in (reading, plate, plate.restriction, NOT_JUDGED):
        assert_one_line(result)
    assert_one_line(Reading(None, (), "no such file"))


def test_a_plate_says_itself_in_two_languages(reading):
    plate = reading.plates[0]
    assert str(plate) == plate.describe()
    assert "Plate NMC-996 · last digit 6 · restricted on Wednesdays" in plate.describe("en")
    assert "Placa NMC-996 · último dígito 6 · restricción los miércoles" in plate.describe("es")


def test_a_reading_draws_itself_on_a_copy(reading):
    before = reading.image.copy()
    drawn = reading.draw()
    assert drawn.shape == before.shape
    assert (drawn != before).any()
    np.testing.assert_array_equal(reading.image, before)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"country": "atlantis"}, "atlantis"),
        ({"rules": "atlantis"}, "atlantis"),
        ({"engine": "crystal"}, "crystal"),
        ({"model": "gone.onnx"}, "gone.onnx"),
    ],
)
def test_what_is_misspelled_is_said_when_it_is_opened(options, reason):
    with pytest.raises(InputError, match=reason):
        PlateReader.open(**options)


def test_a_model_that_finds_no_boxes_is_refused(tmp_path):
    hub = save_mean_colour_model(tmp_path / "plain.onnx", None)
    with pytest.raises(InputError, match=r"plain\.onnx: no model spec"):
        PlateFinder.open(hub)


def test_closing_twice_is_fine():
    finder = PlateFinder.open()
    finder.close()
    finder.close()


def test_the_examples_of_the_docstrings_run(project_dir, sample, tmp_path):
    names = {
        "sample": sample,
        "finder_file": project_dir / "artifacts" / "finder" / "plate_finder.onnx",
        "folder": tmp_path,
    }
    found = doctest.DocTestFinder(exclude_empty=True).find(api, globs=names)
    ran = [test for test in found if test.examples]
    said = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST)
    for test in ran:
        runner.run(test, out=said.write)
    assert said.getvalue() == ""
    documented = {"PlateFinder.open", "PlateReader.open", "convert", "load_model"}
    assert {test.name.removeprefix("lightning_plates.api.") for test in ran} == documented


def test_the_import_alone_is_free():
    heavy = "{'numpy', 'PIL', 'onnxruntime', 'torch', 'cv2', 'lightning_plates.api'}"
    code = f"import lightning_plates, sys; print(*({heavy} & set(sys.modules)))"
    assert run_python(code) == []


def test_the_front_door_needs_no_torch():
    names = "PlateReader, PlateFinder, load_model, convert"
    heavy = "{'torch', 'pytorch_lightning', 'torchvision', 'onnx', 'onnxruntime', 'matplotlib'}"
    code = f"from lightning_plates import {names}; import sys; print(*({heavy} & set(sys.modules)))"
    assert run_python(code) == []


def test_the_package_lists_what_it_has_and_refuses_the_rest():
    assert {"PlateReader", "PlateFinder", "load_model", "convert"} <= set(dir(lightning_plates))
    with pytest.raises(AttributeError, match="has no attribute 'PlateWriter'"):
        _ = lightning_plates.PlateWriter
    with pytest.raises(ImportError, match="PlateWriter"):
        from lightning_plates import PlateWriter  # noqa: F401
