"""What every engine promises, and what each does on its own."""

import csv
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from lightning_plates.errors import InputError, MissingDependencyError, ModelError
from lightning_plates.optional import install_command
from lightning_plates.reading.characters import ALPHABET, INDEX
from lightning_plates.reading.crop_reader import CropReader
from lightning_plates.reading.ocr import installed_engines, list_engines, open_engine
from lightning_plates.reading.ocr._band import cut_band
from lightning_plates.reading.ocr.easyocr import tallest_line
from lightning_plates.reading.ocr.rapidocr import collapse
from lightning_plates.reading.ocr.tesseract import otsu_threshold

NEEDS_TORCH = {"easyocr"}


def draw_plate(text, width=260, height=60):
    image = Image.new("RGB", (width, height), "white")
    font = ImageFont.load_default(size=44)
    ImageDraw.Draw(image).text((12, 4), text, fill="black", font=font)
    return np.asarray(image, dtype=np.uint8)


@pytest.fixture(scope="session")
def rapidocr():
    return open_engine("rapidocr", threads=1)


def quick_engines():
    return sorted(set(installed_engines()) - NEEDS_TORCH)


@pytest.mark.parametrize("name", list_engines())
def test_every_engine_states_its_facts(name):
    engine = list_engines()[name]
    assert engine.label
    assert engine.module
    assert engine.extra in {"", "easyocr", "tesseract"}


@pytest.mark.parametrize("name", quick_engines())
def test_every_engine_answers_probabilities_and_survives_blank_and_tiny_crops(name):
    try:
        engine = open_engine(name, threads=1)
    except ModelError as error:
        if name == "rapidocr":  # its models come with its package: nothing excuses it
            raise
        pytest.skip(str(error))
    belief = engine.read(draw_plate("BCR456"))
    assert belief.table.shape[1] == len(ALPHABET)
    assert ((belief.table >= 0) & (belief.table <= 1 + 1e-6)).all()
    assert belief.text[-1] == "6"
    assert len(engine.read(np.zeros((0, 5, 3), np.uint8))) == 0
    blank = engine.read(np.full((40, 90, 3), 128, np.uint8))
    assert all(confidence < 0.9 for confidence in blank.confidences)


def test_rapidocr_reads_letters_and_digits(rapidocr):
    belief = rapidocr.read(draw_plate("BCR456"))
    assert belief.text == "BCR456"
    assert min(belief.confidences) > 0.5


def test_both_rows_of_a_motorcycle_plate_are_read(rapidocr):
    plate = np.concatenate([draw_plate("MOT", 150, 56), draw_plate("1234", 150, 56)])
    assert CropReader(rapidocr).read(plate).text == "MOT1234"


def test_a_slanting_plate_of_one_row_is_not_taken_for_two(rapidocr):
    plate = Image.fromarray(draw_plate("BCR456"))
    slanting = plate.rotate(14, Image.Resampling.BICUBIC, expand=True, fillcolor=(90, 90, 90))
    padded = np.pad(np.asarray(slanting), ((30, 30), (0, 0), (0, 0)), constant_values=90)
    assert padded.shape[1] / padded.shape[0] < 1.55
    assert CropReader(rapidocr).read(padded).text == "BCR456"


def test_an_upside_down_plate_is_not_read_with_confidence(rapidocr):
    belief = rapidocr.read(draw_plate("KFR247")[::-1, ::-1].copy())
    assert belief.text != "KFR247"


@pytest.mark.parametrize("name", list_engines())
def test_an_engine_that_is_not_installed_says_what_to_install(name, monkeypatch):
    engine = list_engines()[name]
    monkeypatch.setitem(sys.modules, engine.module, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    with pytest.raises(MissingDependencyError, match=re.escape(install_command(engine.extra))):
        open_engine(name)


def test_an_unknown_engine_lists_the_known_ones():
    with pytest.raises(InputError, match=r"rapidocr.*tesseract"):
        open_engine("crystal_ball")


def test_threads_must_be_positive():
    with pytest.raises(InputError, match="threads is 0"):
        open_engine("rapidocr", 0)


def test_reading_imports_no_torch():
    code = (
        "import sys; from lightning_plates.cli import read, evaluate_reading, calibrate_reading;"
        "from lightning_plates.reading.ocr import open_engine; open_engine('rapidocr', 1);"
        "sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def posterior(*steps):
    """One row a step, from ``"A0.9"``; ``"-"`` is the blank."""
    table = np.zeros((len(steps), len(ALPHABET)))
    for row, step in enumerate(steps):
        if step != "-":
            table[row, INDEX[step[0]]] = float(step[1:])
    return table


def test_repeated_steps_are_one_character_and_a_blank_parts_two():
    belief = collapse(posterior("A0.6", "A0.9", "-", "A0.8", "10.7", "-"))
    assert belief.text == "AA1"
    assert belief.confidences == (0.9, 0.8, 0.7)


def test_steps_that_are_mostly_blank_are_no_characters():
    assert len(collapse(posterior("-", "A0.3", "-"))) == 0


def test_the_band_of_a_two_to_one_plate_leaves_out_state_and_slogan():
    assert cut_band(np.zeros((100, 200, 3), np.uint8)).shape == (73, 200, 3)
    assert cut_band(np.zeros((40, 200, 3), np.uint8)).shape == (40, 200, 3)


def test_only_the_tallest_line_is_joined():
    def box(text, left, top, right, bottom):
        return ([(left, top), (right, top), (right, bottom), (left, bottom)], text, 0.9)

    boxes = [
        box("456", 60, 20, 100, 60),
        box("COSTARICA", 10, 0, 100, 12),
        box("BCR", 5, 22, 50, 60),
        box("X", 102, 50, 106, 60),
    ]
    assert [text for _, text, _ in tallest_line(boxes)] == ["BCR", "456"]
    assert tallest_line([]) == []


def test_otsu_parts_dark_from_bright():
    values = np.array([[10, 12, 11, 200, 201, 202]], dtype=np.uint8)
    assert 12 <= otsu_threshold(values) < 200
    assert otsu_threshold(np.full((3, 3), 7, np.uint8)) >= 0


@pytest.mark.shared
def test_last_digits_of_real_crops(rapidocr, shared_dir):
    from lightning_plates.photos import load_photo

    folder = shared_dir / "data" / "crops" / "ar"
    with (folder / "text.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["text"][-1].isdecimal()][:24]
    right = [
        CropReader(rapidocr).read(load_photo(folder / row["file"])).text[-1:] == row["text"][-1]
        for row in rows
    ]
    assert sum(right) >= 23
