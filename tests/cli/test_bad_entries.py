"""One bad entry never costs the other photos, whatever reads them; sizes stay the photo's own."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from tiny_onnx import save_constant_scored_model

from lightning_plates.__main__ import main
from lightning_plates.cli._arguments import MOST_THREADS
from lightning_plates.data.annotations import boxes_csv, read_annotations
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.files import PHOTO_LIMIT_VARIABLE
from lightning_plates.photos import load_photo

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes"),
]

PLATE = (0.25, 0.25, 0.5, 0.5)
"""What the finder answers for every photo, in 0–1."""
BAD = ("endless.jpg", "little.jpg", "pipe.jpg", "sparse.jpg", "z_text.jpg")


@pytest.fixture(autouse=True)
def limit(monkeypatch):
    """A limit of bytes that ends with the test."""
    monkeypatch.setenv(PHOTO_LIMIT_VARIABLE, "100")


@pytest.fixture(scope="module")
def finder(tmp_path_factory):
    return save_constant_scored_model(
        tmp_path_factory.mktemp("model") / "finder.onnx", [list(PLATE)], [0.9]
    )


@pytest.fixture(params=["boxes_csv", "yolo"])
def labels(request):
    """A format with sizes of the photos and one without."""
    return request.param


@pytest.fixture
def photos(tmp_path):
    """Four sound photos among one of each kind that must not be read."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(4):
        pixels = np.full((64, 64, 3), 60 + number, dtype=np.uint8)
        pixels[16:32, 16:32] = 250
        Image.fromarray(pixels).save(folder / f"good{number}.jpg")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "endless.jpg").symlink_to("/dev/zero")
    (folder / "z_text.jpg").write_text("no photo")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "little.jpg")
    data = (folder / "little.jpg").read_bytes()
    (folder / "little.jpg").write_bytes(data[: len(data) * 3 // 10])
    with (folder / "sparse.jpg").open("wb") as file:
        file.write(data)
        file.truncate(20_000_000_000)
    return folder


@pytest.fixture
def labelled(photos, labels):
    """The same with a plate labelled in each."""
    names = sorted(path.name for path in photos.iterdir())
    if labels == "boxes_csv":
        plate = (BoxRecord(16, 16, 32, 32, text="BCR456"),)
        records = tuple(PhotoRecord(name, 64, 64, plate) for name in names)
        boxes_csv.write(AnnotationSet(photos, records), photos)
    else:
        for name in names:
            (photos / name).with_suffix(".txt").write_text("0 0.375 0.375 0.25 0.25\n")
    return photos


def named_once(error, names=BAD):
    return all(sum(f"{name}:" in line for line in error.splitlines()) == 1 for name in names)


@pytest.mark.parametrize("command", ["read", "predict"])
def test_a_folder_is_answered_but_for_what_is_named(photos, finder, command, capsys):
    words = ["read", "--model", str(finder), "--look", "1"] if command == "read" else []
    words = words or ["predict", str(finder)]
    assert main([*words, str(photos), "--json"]) == 3
    out, err = capsys.readouterr()
    answers = [json.loads(line) for line in out.splitlines()]
    assert sum(answer["error"] is None for answer in answers) == 4
    assert sum(bool(answer["plates"]) for answer in answers) == 4
    assert named_once(err)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_set_is_imported_but_for_what_is_named(tmp_path, labelled, workers, capsys):
    out = tmp_path / "out"
    assert main(["data", "import", str(labelled), "-o", str(out), "--workers", str(workers)]) == 3
    assert named_once(capsys.readouterr().err)
    assert [photo.file for photo in read_annotations(out).photos] == [
        f"good{number}.jpg" for number in range(4)
    ]


def test_a_set_is_checked_and_shown_and_counted_as_far_as_it_goes(tmp_path, labelled, capsys):
    assert main(["data", "check", str(labelled)]) != 0
    out = capsys.readouterr().out
    assert "9 labelled photos checked" in out
    assert all(f"{name}: " in out for name in BAD)
    assert "good" not in out
    assert main(["data", "stats", str(labelled)]) == 0
    assert main(["data", "show", str(labelled), "-o", str(tmp_path / "sheet.jpg")]) == 3
    assert (tmp_path / "sheet.jpg").exists()


def test_a_set_is_divided_and_measured_without_what_is_named(tmp_path, labelled, finder, capsys):
    assert main(["data", "split", str(labelled), "-o", str(tmp_path / "split.csv")]) == 0
    assert "good3.jpg" in (tmp_path / "split.csv").read_text()
    capsys.readouterr()
    table = tmp_path / "photos.csv"
    words = [str(finder), str(labelled), "--looks", "1", "2", "--csv", str(table)]
    status = main(["evaluate-finder", *words])
    out, err = capsys.readouterr()
    assert named_once(err)
    with table.open() as file:
        assert {row["file"] for row in csv.DictReader(file)} == {f"good{n}.jpg" for n in range(4)}
    # The reader leaves them out where labels have no sizes, and the finder where they have.
    assert status == (3 if "Left out" in out else 0)


@pytest.mark.parametrize("labels", ["boxes_csv"], indirect=True)
def test_a_note_and_the_status_say_that_photos_are_missing(labelled, finder, capsys):
    assert main(["evaluate-finder", str(finder), str(labelled), "--looks", "1"]) == 3
    assert f"Left out of {labelled.name}: 5 unreadable." in capsys.readouterr().out


@pytest.mark.parametrize("labels", ["boxes_csv"], indirect=True)
def test_texts_are_measured_without_photos_that_cannot_be_read(labelled, capsys):
    pytest.importorskip("rapidocr", reason="the extra 'ocr' is not installed")
    words = ["--photos", str(labelled), "--boxes", "true", "--ocr", "rapidocr"]
    assert main(["evaluate-reading", *words]) == 3
    out, err = capsys.readouterr()
    assert "true boxes | 4 |" in out
    assert named_once(err)


@pytest.mark.parametrize("labels", ["boxes_csv"], indirect=True)
def test_a_set_of_nothing_readable_is_one_line(labelled, finder, capsys):
    for photo in labelled.glob("good*"):
        photo.write_text("no photo")
    assert main(["evaluate-finder", str(finder), str(labelled), "--looks", "1"]) == 2
    assert "none of its photos can be read" in capsys.readouterr().err


@pytest.mark.parametrize("labels", ["boxes_csv"], indirect=True)
def test_missing_labels_are_sought_in_what_can_be_read(tmp_path, labelled, finder, capsys):
    table = tmp_path / "found" / "boxes.csv"
    words = [str(labelled), "-o", str(table), "--model", str(finder), "--look", "1"]
    assert main(["data", "unlabelled", *words]) == 3
    assert named_once(capsys.readouterr().err)


def test_the_option_sets_the_limit(tmp_path, finder, capsys):
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")  # 2.4 MB
    words = ["read", str(tmp_path / "a.png"), "--model", str(finder), "--look", "1"]
    words += ["--lang", "es"]
    assert main([*words, "--max-file-mb", "1"]) == 3
    said = "2 MB, más que el límite de 1 MB; se cambia con --max-file-mb"
    assert said in capsys.readouterr().err
    assert main([*words, "--max-file-mb", "3"]) == 0


@pytest.mark.parametrize("command", ["read", "predict"])
def test_boxes_of_a_photo_that_is_decoded_smaller_are_in_its_own_pixels(
    tmp_path, finder, command, monkeypatch, capsys
):
    pixels = np.full((400, 400, 3), 60, dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "108.jpg")
    words = ["read", "--model", str(finder), "--look", "1", "--digits-only"]
    words = words if command == "read" else ["predict", str(finder)]
    words += [str(tmp_path / "108.jpg"), "--json", "--csv", str(tmp_path / "table.csv")]
    assert main(words) == 0
    whole = json.loads(capsys.readouterr().out)["plates"][0]["box"]
    assert whole == pytest.approx([100, 100, 200, 200], abs=1)

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400 * 400 - 1)
    assert main([*words, "--save", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["plates"][0]["box"] == pytest.approx(whole, abs=1)
    with (tmp_path / "table.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert [float(row[name]) for name in ("x1", "y1", "x2", "y2")] == pytest.approx(whole, abs=1)
    (file,) = (tmp_path / "out").iterdir()
    picture = load_photo(file).astype(int)
    assert picture.shape == (200, 200, 3)
    drawn = np.argwhere(np.abs(picture - 60).max(axis=2) > 60)
    assert drawn[:, 1].min() == pytest.approx(50, abs=8)
    assert drawn[:, 0].max() == pytest.approx(100, abs=8)


@pytest.mark.parametrize("target", ["boxes_csv", "yolo"])
def test_labels_of_photos_that_are_decoded_smaller_fit_them(tmp_path, labels, target, monkeypatch):
    source = tmp_path / "set"
    source.mkdir()
    pixels = np.zeros((400, 600, 3), dtype=np.uint8)
    pixels[100:200, 200:400] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turned upright it is 400 × 600, the plate at 200, 200 to 300, 400
    Image.fromarray(pixels).save(source / "a.jpg", exif=exif)
    if labels == "boxes_csv":
        record = PhotoRecord("a.jpg", 400, 600, (BoxRecord(200, 200, 300, 400),))
        boxes_csv.write(AnnotationSet(source, (record,)), source)
    else:
        (source / "a.txt").write_text(f"0 {250 / 400} 0.5 0.25 {200 / 600}\n")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400 * 600 - 1)
    assert main(["data", "check", str(source)]) == 0
    (photo,) = read_annotations(source).photos
    assert (photo.width, photo.height) == (200, 300)
    assert photo.boxes[0].xyxy == pytest.approx((100, 100, 150, 200))

    assert main(["data", "import", str(source), "-o", str(tmp_path / "out"), "--to", target]) == 0
    (photo,) = read_annotations(tmp_path / "out").photos
    assert (photo.width, photo.height) == (200, 300)
    x1, y1, x2, y2 = (round(value) for value in photo.boxes[0].xyxy)
    image = load_photo(tmp_path / "out" / photo.file)
    assert image.shape == (300, 200, 3)
    assert image[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].min() > 240
    assert image[:, : x1 - 2].max() < 20


@pytest.mark.parametrize(
    "number", ["1000000000", "0", "-1", "x", "9" * 5000, str(MOST_THREADS + 1)]
)
@pytest.mark.parametrize(
    "words",
    [("read", "a.jpg", "--threads"), ("read", "a.jpg", "--workers"),
     ("predict", "m.onnx", "a.jpg", "--threads"), ("data", "import", "a", "-o", "b", "--workers"),
     ("data", "check", "a", "--workers"), ("data", "synthesise", "-o", "b", "--workers")],
)  # fmt: skip
def test_numbers_of_threads_have_a_bound(words, number, capsys):
    language = ("--lang", "en") if words[0] == "read" else ()
    try:
        status = main([*words, number, *language])
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"expected a whole number from 1 to {MOST_THREADS}, got '{number[:20]}'" in last


def test_a_null_byte_in_any_word_is_one_line(capsys):
    for words in (["read", "a.jpg", "--csv", "a\0b"], ["predict", "m\0.onnx", "a.jpg"], ["\0"]):
        assert main(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: '")
        assert line.endswith("': holds a null byte, which no name can")


def test_an_address_where_a_file_is_read_is_one_line(finder, capsys):
    assert main(["predict", str(finder), "https://example.org/a.jpg"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("closing", "words", "said"),
    [(">&-", ("read", "a.jpg"), "standard output is closed"),
     (">&-", ("data", "stats", "."), "standard output is closed"),
     (">&-", ("--help",), "standard output is closed"),
     ("<&-", ("read", "-"), "standard input is closed"),
     ("<&-", ("read", "--interactive"), "standard input is closed")],
)  # fmt: skip
def test_a_closed_stream_is_one_line(finder, closing, words, said):
    model = ["--model", str(finder)] if words[0] == "read" else []
    command = [sys.executable, "-m", "lightning_plates", *words, *model]
    shell = ["sh", "-c", f'"$@" {closing}', "sh", *command]
    done = subprocess.run(shell, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"error: {said}" in line


@pytest.mark.parametrize("closing", ["<&-", "2>&-", "<&- 2>&-"])
def test_no_file_takes_the_place_of_a_closed_stream(tmp_path, closing):
    """What is opened first gets the lowest number that is free, and all that is written there."""
    script = (
        "import os, sys\n"
        "from lightning_plates.terminal.console import run_reporting\n"
        "def command(argv):\n"
        "    file = open(argv[0], 'w')\n"
        "    os.write(2, b'what a C library says')\n"
        "    print('what we say', file=sys.stderr)\n"
        "    print(file.fileno() > 2)\n"
        "    return 0\n"
        "sys.exit(run_reporting(command, sys.argv[1:]))\n"
    )
    words = [sys.executable, "-c", script, str(tmp_path / "a")]
    shell = ["sh", "-c", f'"$@" {closing}', "sh", *words]
    done = subprocess.run(shell, stdout=subprocess.PIPE, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"True\n")
    assert (tmp_path / "a").read_bytes() == b""
