import csv
import importlib.util
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import drawn_plates
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from lightning_plates.__main__ import main
from lightning_plates.errors import InputError
from lightning_plates.reading.records import CSV_COLUMNS

SPECIFICATION = importlib.util.spec_from_file_location(
    "tiny_onnx_for_read", Path(__file__).parents[1] / "tiny_onnx.py"
)
TINY = importlib.util.module_from_spec(SPECIFICATION)
SPECIFICATION.loader.exec_module(TINY)

SIZE = (400, 300)
BOX = [0.25, 0.4, 0.75, 0.6]  # pixels 100, 120, 300, 180


def photo_of(*texts):
    image = Image.new("RGB", SIZE, (90, 110, 130))
    for row, text in enumerate(texts):
        top = 120 + 90 * row
        plate = ImageDraw.Draw(image)
        plate.rectangle((100, top, 300, top + 60), fill="white")
        plate.text((112, top + 6), text, fill="black", font=ImageFont.load_default(size=42))
    return image


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return TINY.save_constant_scored_model(
        tmp_path_factory.mktemp("model") / "one.onnx", [_letterboxed(BOX)], [0.9]
    )


def _letterboxed(box):
    # The tiny model letterboxes to 8 × 8: 400 × 300 covers its width and 6 of its 8 rows.
    return [box[0], box[1] * 0.75, box[2], box[3] * 0.75]


@pytest.fixture
def photo(tmp_path):
    file = tmp_path / "photos" / "car.png"
    file.parent.mkdir()
    photo_of("BCR456").save(file)
    return file


def read(model, *words):
    return main(["read", "--model", str(model), "--look", "1", *map(str, words)])


def test_the_sentence_in_spanish_and_english(model, photo, capsys):
    assert read(model, photo, "--at", "2026-11-22T10:00") == 0
    assert "Placa BCR-456 · último dígito 6 · restricción los miércoles de 6:00 a 19:00 · " in (
        capsys.readouterr().out
    )
    assert read(model, photo, "--at", "2026-11-25T07:30", "--lang", "en") == 0
    assert "it may not circulate" in capsys.readouterr().out


def test_json_has_exactly_the_keys_of_the_contract(model, photo, capsys):
    assert read(model, photo, "--json", "--at", "2026-11-25T07:30") == 0
    record = json.loads(capsys.readouterr().out)
    assert list(record) == ["file", "error", "plates", "timings_ms"]
    assert list(record["timings_ms"]) == [
        "decode", "preprocess", "locate", "ocr", "postprocess", "total",
    ]  # fmt: skip
    (plate,) = record["plates"]
    assert list(plate) == [
        "text", "text_confidence", "last_digit", "last_digit_confidence", "box",
        "box_confidence", "country_format", "known_format", "restriction",
    ]  # fmt: skip
    assert (plate["text"], plate["last_digit"]) == ("BCR456", 6)
    assert (plate["country_format"], plate["known_format"]) == ("costa_rica/private", True)
    assert plate["box"] == pytest.approx([100, 120, 300, 180], abs=1)
    assert plate["restriction"] == {
        "weekday": "wednesday", "from": "06:00", "to": "19:00", "restricted_now": True,
        "no_pauses_known_after": "2026-01-02",
    }  # fmt: skip


def test_an_unsure_digit_is_withheld_everywhere(model, photo, capsys):
    assert read(model, photo, "--json", "--min-confidence", "1") == 0
    (plate,) = json.loads(capsys.readouterr().out)["plates"]
    assert plate["last_digit"] is None
    assert plate["last_digit_confidence"] > 0.5
    assert plate["text"] == "BCR456"  # as sure or unsure as text_confidence says
    assert plate["restriction"]["weekday"] is None
    read(model, photo, "--min-confidence", "1")
    assert "Placa BCR-456 · último dígito inseguro" in capsys.readouterr().out


def test_a_plate_that_cannot_be_read_is_not_said_to_hold_no_digits(model, photo, capsys):
    photo_of("").save(photo)
    assert read(model, photo) == 0
    assert "Placa ilegible · último dígito inseguro" in capsys.readouterr().out
    photo_of("VACVAN").save(photo)
    assert read(model, photo, "--country", "any", "--lang", "en") == 0
    assert "Plate VACVAN · no digits" in capsys.readouterr().out


def test_digits_only_never_shows_the_text(model, photo, capsys, tmp_path):
    assert read(model, photo, "--json", "--digits-only", "--csv", tmp_path / "t.csv") == 0
    out = capsys.readouterr().out
    assert json.loads(out)["plates"][0]["text"] is None
    assert json.loads(out)["plates"][0]["last_digit"] == 6
    assert "BCR" not in out + (tmp_path / "t.csv").read_text()
    read(model, photo, "--digits-only")
    assert "último dígito 6" in capsys.readouterr().out


def test_a_folder_with_unreadable_files_is_finished_and_they_are_listed(model, photo, capsys):
    (photo.parent / "broken.jpg").write_bytes(b"no photo")
    (photo.parent / "deep").mkdir()
    photo_of("KFR247").save(photo.parent / "deep" / "other.png")
    photo_of("BCR451").save(
        photo.parent / "moving.gif", save_all=True, append_images=[photo_of("XXX999")]
    )
    assert read(model, photo.parent, "--json", "--workers", "2") == 3
    out, err = capsys.readouterr()
    records = [json.loads(line) for line in out.splitlines()]
    names = [Path(r["file"]).name for r in records]
    assert names == ["broken.jpg", "car.png", "other.png", "moving.gif"]
    assert records[0]["error"]
    assert records[0]["plates"] == []
    assert records[2]["plates"][0]["text"] == "KFR247"
    assert records[3]["plates"][0]["last_digit"] == 1  # the first frame of the GIF
    assert err.splitlines()[-1] == (
        f"omitida: {photo.parent / 'broken.jpg'}: no es una foto en un formato que se pueda leer"
    )


def test_no_plate_several_plates_and_plates_at_the_edge(photo, tmp_path, capsys):
    none = TINY.save_constant_scored_model(tmp_path / "none.onnx", [_letterboxed(BOX)], [0.1])
    assert read(none, photo) == 0
    assert "no se encontró ninguna placa" in capsys.readouterr().out
    boxes = [_letterboxed(BOX), _letterboxed([0.25, 0.7, 0.75, 0.9]), [0.9, 0.1, 1.2, 0.2]]
    several = TINY.save_constant_scored_model(tmp_path / "two.onnx", boxes, [0.9, 0.8, 0.7])
    photo_of("BCR456", "KFR247").save(photo)
    assert read(several, photo, "--json") == 0
    plates = json.loads(capsys.readouterr().out)["plates"]
    assert [plate["text"] for plate in plates[:2]] == ["BCR456", "KFR247"]
    assert plates[2]["box"][2] == 400
    assert plates[2]["last_digit"] is None


def test_an_upside_down_photo_never_gives_the_wrong_digit_silently(model, photo, capsys):
    photo_of("KFR247").rotate(180).save(photo)
    assert read(model, photo, "--json") == 0
    (plate,) = json.loads(capsys.readouterr().out)["plates"]
    assert plate["text"] != "KFR247"


def test_the_table_says_the_same_and_resumes(model, photo, tmp_path, capsys):
    table = tmp_path / "out" / "plates.csv"
    assert read(model, photo.parent, "--csv", table) == 0
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert (rows[0]["text"], rows[0]["last_digit"], rows[0]["weekday"]) == (
        "BCR456", "6", "wednesday",
    )  # fmt: skip
    photo_of("KFR247").save(photo.parent / "late.png")
    capsys.readouterr()
    assert read(model, photo.parent, "--csv", table, "--resume") == 0
    out = capsys.readouterr().out
    assert "late.png" in out
    assert "car.png" not in out
    assert [row["text"] for row in csv.DictReader(table.read_text().splitlines())] == [
        "BCR456",
        "KFR247",
    ]
    assert not list(table.parent.glob("*.partial"))


def test_unreadable_photos_are_tried_again_and_listed_again(model, photo, tmp_path, capsys):
    table = tmp_path / "t.csv"
    broken = photo.parent / "broken.jpg"
    broken.write_bytes(b"no photo")
    assert read(model, photo.parent, "--csv", table) == 3
    assert read(model, photo.parent, "--csv", table, "--resume") == 3
    assert "broken.jpg" in capsys.readouterr().err
    photo_of("KFR247").save(broken, format="PNG")
    assert read(model, photo.parent, "--csv", table, "--resume") == 0
    rows = csv.DictReader(table.read_text().splitlines())
    assert {Path(row["file"]).name: row["text"] for row in rows} == {
        "car.png": "BCR456",
        "broken.jpg": "KFR247",
    }


def test_an_unfinished_table_is_not_thrown_away(model, photo, tmp_path, capsys):
    (tmp_path / "t.csv.partial").write_text("file\n")
    assert read(model, photo, "--csv", tmp_path / "t.csv") == 2
    assert "--resume" in capsys.readouterr().err


def test_pictures_are_written_only_where_asked(model, photo, tmp_path):
    assert read(model, photo, "--save", tmp_path / "a", "--redact", tmp_path / "b") == 0
    shown = np.asarray(Image.open(tmp_path / "a" / "photos_car.jpg")).astype(int)
    hidden = np.asarray(Image.open(tmp_path / "b" / "photos_car.jpg")).astype(int)
    inside = (slice(125, 175), slice(110, 290))
    assert shown[inside].std() > 60
    assert hidden[inside].std() < 0.6 * shown[inside].std()
    np.testing.assert_allclose(hidden[:60, :60], shown[:60, :60], atol=12)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "photos"]


def test_paths_come_in_on_standard_input(model, photo, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{photo}\n\n{photo}.missing\n"))
    assert read(model, "-", "--json") == 3
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["plates"][0]["last_digit"] == 6
    assert "no existe ningún archivo" in second["error"]


def test_the_prompt_of_the_thesis(model, photo, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{photo}\nnothing.jpg\nsalir\n{photo}\n"))
    assert read(model, "--interactive") == 0
    out, err = capsys.readouterr()
    assert out.count("BCR-456") == 1
    assert "nothing.jpg" in out
    assert err.count("Ingrese otra imagen o escriba salir") == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nada que leer"),
        (["missing.jpg"], "missing.jpg: no existe ningún archivo o carpeta con ese nombre"),
        (["missing.jpg", "--lang", "en"], "missing.jpg: no such file or folder"),
        (["*.nothing"], "ningún archivo coincide"),
        (
            ["PHOTO", "--at", "2026-12-31"],
            "--at 2026-12-31: falta la hora, como en 2026-12-31T07:30",
        ),
        (
            ["PHOTO", "--at", "tomorrow"],
            "--at tomorrow: se esperaba un momento como 2026-11-25T07:30",
        ),
        (["PHOTO", "--country", "atlantis"], "atlantis"),
        (["PHOTO", "--rules", "atlantis"], "atlantis"),
        (["PHOTO", "--resume"], "--csv"),
        (["PHOTO", "rtsp://camera.invalid/1"], "una cámara o transmisión se lee aparte"),
    ],
)
def test_bad_input_is_one_line(model, photo, capsys, words, message):
    assert read(model, *[photo if word == "PHOTO" else word for word in words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.slow
def test_ctrl_c_loses_nothing_that_was_read(model, photo, tmp_path):
    for number in range(60):
        photo_of("BCR456").save(photo.parent / f"{number:02d}.png")
    table, partial = tmp_path / "t.csv", tmp_path / "t.csv.partial"
    words = ["read", "--model", model, "--workers", "1", photo.parent, "--csv", table]
    command = [sys.executable, "-m", "lightning_plates", *map(str, words)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **quiet) as process:
        while process.poll() is None and not _has_rows(partial, 3):
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, table.exists()) == (130, False)
    assert err.count("\n") == 1
    kept = partial.read_text()
    assert main([*map(str, words), "--resume"]) == 0
    finished = table.read_text()
    assert finished.startswith(kept)
    files = [row["file"] for row in csv.DictReader(finished.splitlines())]
    assert len(files) == len(set(files)) == 61


def _has_rows(file, count):
    return file.exists() and file.read_text().count("\n") > count


def test_without_torch_a_drawn_plate_is_read(tmp_path):
    """A process in which torch cannot be imported reads with our model format and RapidOCR."""
    photos = drawn_plates.make_photos(tmp_path / "photos", ["BCR-456"])
    model = drawn_plates.save_finder(tmp_path / "finder.onnx")
    hide = "import sys; sys.modules.update(dict.fromkeys(('torch', 'torchvision'), None))\n"
    run = "from lightning_plates.__main__ import main; sys.exit(main(sys.argv[1:]))"
    words = ["read", photos / "0.png", "--model", model, "--json", "--at", "2026-11-25T07:30"]
    done = subprocess.run(
        [sys.executable, "-c", hide + run, *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
    )
    (plate,) = json.loads(done.stdout)["plates"]
    assert (plate["text"], plate["last_digit"]) == ("BCR456", 6)
    assert plate["restriction"]["restricted_now"] is True


def test_a_pattern_is_expanded(model, photo, capsys):
    assert read(model, str(photo.parent / "*.png")) == 0
    assert "BCR-456" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "threads"),
    [
        (["photos"], 1),
        (["photos/car.png"], 4),
        (["photos/car.png", "photos/car.png"], 1),
        (["photos", "--workers", "1"], 4),
        (["photos/car.png", "--threads", "2"], 2),
        (["clip.mp4"], 4),
        (["--interactive"], 4),
    ],
)
def test_what_is_read_one_by_one_has_all_cores(model, photo, monkeypatch, words, threads):
    opened = []

    def open_model(path, runtime, device, threads):
        opened.append(threads)
        raise InputError("seen enough")

    monkeypatch.chdir(photo.parent.parent)
    Path("clip.mp4").touch()
    for module in ("read", "_read_options"):
        monkeypatch.setattr(f"lightning_plates.cli.{module}.core_count", lambda: 4)
    monkeypatch.setattr("lightning_plates.cli.read.open_model", open_model)
    assert read(model, *words, *([] if "--workers" in words else ["--workers", "4"])) == 2
    assert opened == [threads]
