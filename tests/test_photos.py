import dataclasses
import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightning_plates.errors import InputError, PhotoError
from lightning_plates.photo_phrases import ENGLISH, SPANISH, PhotoPhrases
from lightning_plates.photos import encode_jpeg, find_photos, load_photo

RED, BLUE = (200, 0, 0), (0, 0, 200)


def two_halves(mode="RGB"):
    """Left half red, right half blue, 8 × 4 pixels."""
    image = Image.new("RGB", (8, 4), RED)
    image.paste(BLUE, (4, 0, 8, 4))
    return image.convert(mode)


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.png", "RGB"), ("a.bmp", "RGB"), ("a.png", "P"), ("a.gif", "P"), ("a.tif", "CMYK"),
     ("a.webp", "RGB"), ("a.png", "RGBA")],
)  # fmt: skip
def test_every_format_decodes_to_rgb(tmp_path, name, mode):
    options = {"lossless": True} if name.endswith("webp") else {}
    two_halves(mode).save(tmp_path / name, **options)
    photo = load_photo(tmp_path / name)
    assert (photo.shape, photo.dtype) == ((4, 8, 3), np.uint8)
    assert np.abs(photo[0, 0].astype(int) - RED).max() < 16
    assert np.abs(photo[0, 7].astype(int) - BLUE).max() < 16


def test_exif_orientation_turns_the_photo_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate 90 degrees clockwise to see it upright
    two_halves().save(tmp_path / "a.png", exif=exif)
    photo = load_photo(tmp_path / "a.png")
    assert photo.shape == (8, 4, 3)
    assert photo[0, 0].tolist() == list(RED)
    assert photo[7, 0].tolist() == list(BLUE)


@pytest.mark.parametrize(("peak", "expected"), [(65535, 255), (4095, 255), (1023, 255)])
def test_16_bit_grey_uses_the_full_range(tmp_path, peak, expected):
    values = np.array([[0, peak]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert load_photo(tmp_path / "a.png")[0, :, 0].tolist() == [0, expected]


def test_floats_use_the_range_from_0_to_1(tmp_path):
    Image.fromarray(np.array([[0, 0.5, 1]], dtype=np.float32)).save(tmp_path / "a.tif")
    assert load_photo(tmp_path / "a.tif")[0, :, 0].tolist() == [0, 127, 255]


def test_transparent_pixels_become_white(tmp_path):
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert load_photo(tmp_path / "a.png").min() == 255


@pytest.fixture
def heic():
    pytest.importorskip("pi_heif", reason="the extra 'heic' is not installed")


@pytest.mark.usefixtures("heic")
def test_heic_decodes_to_rgb():
    photo = load_photo(Path(__file__).parent / "files" / "two_halves.heic")
    assert photo.shape == (32, 64, 3)
    assert np.abs(photo[16, 8].astype(int) - RED).max() < 24
    assert np.abs(photo[16, 56].astype(int) - BLUE).max() < 24


@pytest.mark.usefixtures("heic")
def test_a_false_heic_is_named(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"no heic at all")
    with pytest.raises(PhotoError, match=r"a\.heic: not a photo"):
        load_photo(tmp_path / "a.heic")


def test_damaged_files_are_named_in_one_line(tmp_path):
    good = encode_jpeg(np.full((64, 64, 3), 90, dtype=np.uint8))
    files = {
        "empty.jpg": b"",
        "text.jpg": b"hello",
        "half.jpg": good[: len(good) // 2],
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(PhotoError, match=name) as caught:
            load_photo(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
def test_whatever_a_decoder_raises_is_about_one_photo(tmp_path, monkeypatch, error):
    def fail(self):
        raise error("Failed to decode image")

    save = tmp_path / "phone.jpg"  # AVIF's decoder raises RuntimeError
    save.write_bytes(encode_jpeg(np.full((64, 64, 3), 90, dtype=np.uint8)))
    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", fail)
    with pytest.raises(PhotoError, match=r"phone\.jpg: damaged photo \(Failed to decode image\)"):
        load_photo(save)


def test_bombs_are_refused_whatever_other_threads_do_to_the_filters_of_warnings(
    tmp_path, monkeypatch
):
    bomb = tmp_path / "bomb.jpg"
    bomb.write_bytes(encode_jpeg(np.full((64, 64, 3), 90, dtype=np.uint8)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 64 - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        monkeypatch.setattr("warnings.simplefilter", lambda *words, **options: None)
        with pytest.raises(PhotoError, match="refused as a decompression bomb"):
            load_photo(bomb)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PhotoError, match=r"gone\.jpg: no such file or folder"):
        load_photo(tmp_path / "gone.jpg")


def test_errors_are_said_in_spanish_when_asked(tmp_path):
    good = encode_jpeg(np.full((64, 64, 3), 90, dtype=np.uint8))
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_bytes(b"hello")
    (tmp_path / "half.jpg").write_bytes(good[: len(good) // 2])
    expected = {
        "gone.jpg": "no existe ningún archivo o carpeta con ese nombre",
        "": "es una carpeta, no una foto",
        "empty.jpg": "foto dañada (el archivo está vacío)",
        "text.jpg": "no es una foto en un formato que se pueda leer",
        "half.jpg": "foto dañada (",
    }
    for name, problem in expected.items():
        path = tmp_path / name
        with pytest.raises(PhotoError) as caught:
            load_photo(path, SPANISH)
        assert str(caught.value).startswith(f"{path}: {problem}")
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="none: no hay fotos en esta carpeta"):
        find_photos(tmp_path / "none", SPANISH)


def test_both_languages_fill_in_the_same_parts():
    for phrase in dataclasses.fields(PhotoPhrases):
        spanish, english = (getattr(words, phrase.name) for words in (SPANISH, ENGLISH))
        assert spanish != english
        assert re.findall(r"{\w+}", spanish) == re.findall(r"{\w+}", english)


def test_a_decompression_bomb_is_refused(tmp_path):
    Image.new("1", (20000, 20000)).save(tmp_path / "bomb.png")
    with pytest.raises(PhotoError, match="decompression bomb"):
        load_photo(tmp_path / "bomb.png")


def test_a_long_strip_is_no_bomb(tmp_path):
    Image.new("L", (20000, 300)).save(tmp_path / "strip.png")
    assert load_photo(tmp_path / "strip.png").shape == (300, 20000, 3)


def test_find_photos_is_recursive_sorted_and_ignores_others(tmp_path):
    for name in ("b.JPG", "sub/a.png", "labels.csv"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert [p.name for p in find_photos(tmp_path)] == ["b.JPG", "a.png"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "locked").mkdir()
    (tmp_path / "a.png").write_bytes(b"x")
    locked, scandir = [tmp_path / "locked"], os.scandir

    def refuse(path):  # permissions do not keep root out, who often runs tests
        if Path(path) in locked:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert find_photos(tmp_path) == [tmp_path / "a.png"]
    line = f"{tmp_path / 'locked'}: cannot be read (Permission denied)"
    assert capsys.readouterr().err == f"{line}\n"
    locked.append(tmp_path)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)"):
        find_photos(tmp_path)


def test_an_empty_folder_and_a_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="no photos"):
        find_photos(tmp_path)
    with pytest.raises(InputError, match="not a folder"):
        find_photos(tmp_path / "nothing")
