import dataclasses
import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile, features

from lightning_plates.errors import InputError, PhotoError
from lightning_plates.files import LIMIT_VARIABLE
from lightning_plates.photo_phrases import ENGLISH, SPANISH, PhotoPhrases
from lightning_plates.photos import (
    encode_jpeg,
    find_photos,
    load_or_skip,
    load_photo,
    open_photo,
    read_header,
)

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
    bomb = tmp_path / "bomb.png"
    Image.new("RGB", (64, 64)).save(bomb)
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
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        expected["pipe.jpg"] = "no es un archivo normal"
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
    with pytest.raises(PhotoError, match=r"more than 89 million pixels \(JPEG: 224\)"):
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


def test_photos_of_any_ending_are_found_by_their_content(tmp_path, capsys):
    photo, other = two_halves(), {"JFIF": "JPEG", "jpe": "JPEG", "jp2": "JPEG2000", "mpo": "JPEG"}
    for ending, name in other.items():
        photo.save(tmp_path / f"a.{ending}", name)
    photo.save(tmp_path / "camera.0001", "JPEG")
    photo.save(tmp_path / "no_ending", "PNG")
    assert len(find_photos(tmp_path)) == 6
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow does not decode AVIF")
def test_avif_is_found_and_decoded_under_any_ending(tmp_path):
    two_halves().resize((80, 40)).save(tmp_path / "a.avif", quality=90)
    (tmp_path / "a.avif").rename(tmp_path / "a.photo")
    assert find_photos(tmp_path) == [tmp_path / "a.photo"]
    assert np.abs(load_photo(tmp_path / "a.photo")[5, 5].astype(int) - RED).max() < 24


@pytest.mark.usefixtures("heic")
def test_heic_is_decoded_under_any_ending(tmp_path):
    (tmp_path / "a.jpg").write_bytes((Path(__file__).parent / "files/two_halves.heic").read_bytes())
    assert load_photo(tmp_path / "a.jpg").shape == (32, 64, 3)


def test_what_a_folder_leaves_out_is_counted_in_one_line(tmp_path, capsys):
    two_halves().save(tmp_path / "a.jpg")
    two_halves().save(tmp_path / "raw.DNG", "TIFF")  # cameras' raw files hold a tiny preview
    for name in ("1.psd", "2.psd", "binary"):
        (tmp_path / name).write_bytes(b"8BPS\0\1")
    for name, data in {
        "labels.txt": b"\0", "a.XML": b"\0", "movie.mp4": b"\0", "Thumbs.db": b"\0",
        ".DS_Store": b"\0", "README": b"text", "empty": b"",
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
    for words, said in (
        (ENGLISH, "files left out because they are no photos in a known format: 4"),
        (SPANISH, "archivos que no se leen por no ser fotos en un formato conocido: 4"),
    ):
        assert find_photos(tmp_path, words) == [tmp_path / "a.jpg"]
        assert capsys.readouterr().err == f"{tmp_path}: {said} (2 .psd, 1 .dng, 1 –)\n"


def test_what_macos_puts_into_archives_is_no_photo(tmp_path, capsys):
    (tmp_path / "__MACOSX").mkdir()
    for name in ("a.jpg", "._a.jpg", "__MACOSX/b.jpg", "__MACOSX/._b.jpg"):
        (tmp_path / name).write_bytes(b"x")
    assert find_photos(tmp_path) == [tmp_path / "a.jpg"]
    assert capsys.readouterr().err == ""


@pytest.mark.timeout(20)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_devices_and_files_over_the_limit_are_named_and_never_read(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe.unknown")
    (tmp_path / "endless.jpg").symlink_to("/dev/zero")
    photo = encode_jpeg(np.full((8, 8, 3), 90, dtype=np.uint8))
    for name, head in {"zeros.jpg": b"", "sparse.jpg": photo}.items():
        with (tmp_path / name).open("wb") as file:
            file.write(head)
            file.truncate(20_000_000_000)
    monkeypatch.setenv(LIMIT_VARIABLE, "1.5")
    said = {
        "endless.jpg": "not a regular file",
        "pipe.jpg": "not a regular file",
        "sparse.jpg": "20000 MB, more than the limit of 1.5 MB; raise it with --max-file-mb",
        "zeros.jpg": "not a photo",
    }
    assert [path.name for path in find_photos(tmp_path)] == list(said)
    for name, problem in said.items():
        for read in (load_photo, read_header):
            with pytest.raises(PhotoError, match=f"{name}: {problem}"):
                read(tmp_path / name)


def test_no_decoder_that_starts_a_program_sees_a_file(tmp_path, monkeypatch):
    def start(*words, **options):
        pytest.fail("Ghostscript was started")

    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", start)
    (tmp_path / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n")
    with pytest.raises(PhotoError, match=r"a\.jpg: not a photo"):
        load_photo(tmp_path / "a.jpg")


@pytest.mark.parametrize("head", [b"GIF89a", b"II*\0", b"\x89PNG\r\n\x1a\n", b"RIFF\1\1\1\1WEBP"])
def test_only_the_decoder_of_its_format_sees_a_file(tmp_path, monkeypatch, head):
    def start(*words):
        pytest.fail("another decoder was asked")

    Image.init()
    monkeypatch.setattr(Image, "ID", ["OTHER", *Image.ID])
    monkeypatch.setattr(Image, "OPEN", {**Image.OPEN, "OTHER": (start, None)})
    (tmp_path / "a.jpg").write_bytes(head + b"\1" * 99)
    with pytest.raises(PhotoError, match=r"a\.jpg: "):
        load_photo(tmp_path / "a.jpg")


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_over_the_limit_of_pixels_is_decoded_smaller(
    tmp_path, monkeypatch, orientation, progressive
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / "108.jpg"
    two_halves().resize((402, 200)).save(file, exif=exif, progressive=progressive)
    whole = open_photo(file)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 402 * 200 - 1)
    reduced, header = open_photo(file), read_header(file)

    assert reduced.image.shape[:2] == ((100, 201) if orientation == 1 else (201, 100))
    assert reduced.size == whole.size == header.upright_size == whole.image.shape[1::-1]
    assert header.decoded_size == reduced.image.shape[1::-1]
    assert (whole.reduction, reduced.reduction) == ((1, 1), (2, 2))
    assert np.abs(reduced.image[0, 0].astype(int) - RED).max() < 16
    assert reduced.to_original((1, 2, 3, 4)) == (2, 4, 6, 8)
    assert reduced.to_image((2, 4, 6, 8)) == (1, 2, 3, 4)


def test_a_jpeg_of_far_too_many_pixels_is_refused(tmp_path, monkeypatch):
    two_halves().save(tmp_path / "a.jpg")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # of 32, and JPEG may have 25
    with pytest.raises(PhotoError, match="decompression bomb"):
        load_photo(tmp_path / "a.jpg")


def noise(height=256, width=320):
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("lost", [1, 2, 20])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_last_bytes_is_read_with_a_warning(tmp_path, capsys, lost, progressive):
    whole, cut = tmp_path / "whole.jpg", tmp_path / "cut.jpg"
    Image.fromarray(noise()).save(whole, progressive=progressive)
    cut.write_bytes(whole.read_bytes()[:-lost])
    expected = load_photo(whole)
    assert capsys.readouterr().err == ""

    kept = load_photo(cut)[:-18] == expected[:-18]
    assert kept.all() or (progressive and lost == 20)
    load_photo(cut)  # as the next epoch does
    assert capsys.readouterr().err == (
        f"warning: {cut}: its end is missing (0% of the rows); read as far as it goes\n"
    )
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_most_of_a_cut_jpeg_must_be_there(tmp_path, capsys):
    data = encode_jpeg(noise())
    (tmp_path / "most.jpg").write_bytes(data[: len(data) * 7 // 10])
    (tmp_path / "little.jpg").write_bytes(data[: len(data) * 3 // 10])

    assert load_photo(tmp_path / "most.jpg", SPANISH).shape == (256, 320, 3)
    said = re.search(
        r"most\.jpg: le falta el final \((\d+)% de las filas\)", capsys.readouterr().err
    )
    assert said is not None
    assert 20 < int(said[1]) < 35
    with pytest.raises(
        PhotoError, match=r"little\.jpg: damaged photo \(\d\d% of its rows are missing"
    ):
        load_photo(tmp_path / "little.jpg")


@pytest.mark.parametrize("after", [b"\0" * 8, b"\xff" * 70000])
def test_bytes_after_the_end_of_a_jpeg_are_no_matter(tmp_path, capsys, after):
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(noise()) + after)
    assert load_photo(tmp_path / "a.jpg").shape == (256, 320, 3)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["TIFF", "JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_header_says_the_size_that_is_decoded(tmp_path, name, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    two_halves().save(tmp_path / "a", name, exif=exif)
    header = read_header(tmp_path / "a")
    assert (header.width, header.height, header.orientation) == (8, 4, orientation)
    assert header.upright_size == load_photo(tmp_path / "a").shape[1::-1]


def test_an_exif_block_that_cannot_be_written_again_costs_no_photo(tmp_path, monkeypatch):
    exif = Image.Exif()
    exif[0x0112] = 6
    two_halves().save(tmp_path / "a.jpg", exif=exif)

    def fail(*words):
        raise TypeError("write_string() takes 2 positional arguments but 3 were given")

    monkeypatch.setattr("PIL.Image.Exif.tobytes", fail)
    assert load_photo(tmp_path / "a.jpg").shape == (8, 4, 3)


def test_one_that_cannot_be_read_is_skipped_by_name(tmp_path, capsys):
    assert load_or_skip(tmp_path / "gone.jpg") is None
    line = f"skipped: {tmp_path / 'gone.jpg'}: no such file or folder\n"
    assert capsys.readouterr().err == line


def test_an_empty_folder_and_a_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="no photos"):
        find_photos(tmp_path)
    with pytest.raises(InputError, match="not a folder"):
        find_photos(tmp_path / "nothing")
