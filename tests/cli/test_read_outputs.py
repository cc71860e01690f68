"""What ``read`` may write over, and what its table and lines say."""

import csv
import datetime as dt
import errno
import io
import json
import os
import select
import subprocess
import sys

import pytest
from PIL import Image, ImageDraw, ImageFont
from tiny_onnx import save_constant_scored_model

from lightning_plates.__main__ import main
from lightning_plates.cli._read_output import ReadOutput
from lightning_plates.drafts import write_bytes
from lightning_plates.errors import InputError
from lightning_plates.reading.records import CSV_COLUMNS

WEDNESDAY = "2026-11-25T07:30"
SUNDAY = "2026-11-22T10:00"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    # The tiny model letterboxes to 8 × 8: the photo's middle, where its plate is.
    return save_constant_scored_model(
        tmp_path_factory.mktemp("model") / "one.onnx", [[0.25, 0.3, 0.75, 0.45]], [0.9]
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with ``car.jpg`` and ``deep/car.jpg``, as different originals."""
    save_photo(tmp_path / "work" / "car.jpg", "BCR456")
    save_photo(tmp_path / "work" / "deep" / "car.jpg", "KFR247")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


def save_photo(path, text):
    image = Image.new("RGB", (400, 300), (90, 110, 130))
    pen = ImageDraw.Draw(image)
    pen.rectangle((100, 120, 300, 180), fill="white")
    pen.text((112, 126), text, fill="black", font=ImageFont.load_default(size=42))
    path.parent.mkdir(exist_ok=True)
    image.save(path, format="JPEG")


def read(model, *words):
    return main(["read", "--model", str(model), "--look", "1", *map(str, words)])


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("option", ["--save", "--redact"])
@pytest.mark.parametrize(
    ("source", "target"),
    [("car.jpg", "."), (".", "."), ("car.jpg", "deep/.."), ("car.jpg", "alias")],
)
def test_pictures_never_replace_their_photo(model, folder, capsys, option, source, target):
    (folder / "alias").symlink_to(folder)
    before = contents(folder)
    assert read(model, source, option, target) == 2
    err = capsys.readouterr().err
    assert "reemplazaría el original; elija otra carpeta" in err
    assert err.count("\n") == 1
    assert contents(folder) == before


def test_pictures_never_replace_another_photo_of_the_run(model, folder, tmp_path, capsys):
    save_photo(folder / "deep_car.jpg", "BCR451")
    before = contents(folder)
    assert read(model, tmp_path / "work", "--redact", tmp_path / "work") == 2
    assert "deep_car.jpg: reemplazaría" in capsys.readouterr().err
    assert contents(folder) == before


@pytest.mark.parametrize("words", [("--redact", "out"), ("--redact", "out", "--save", "shown")])
def test_a_second_run_makes_the_same_pictures_again(model, folder, capsys, words):
    assert read(model, ".", *words, "--at", SUNDAY) == 0
    first, before = capsys.readouterr(), contents(folder)
    assert read(model, ".", *words, "--at", SUNDAY, "--lang", "es") == 0
    second = capsys.readouterr()
    assert second.out == first.out
    places, count = ("out, shown", 4) if "shown" in words else ("out", 2)
    assert second.err == f"{places}: imágenes de una ejecución anterior, que no se leen: {count}\n"
    assert contents(folder) == before


def test_photos_among_the_pictures_are_read_and_spared(model, folder, capsys):
    assert read(model, ".", "--redact", "out") == 0
    save_photo(folder / "out" / "deep_car.jpg", "BCR451")  # in place of a picture
    before = contents(folder)
    assert read(model, ".", "--redact", "out") == 2
    assert "out/deep_car.jpg: reemplazaría el original" in capsys.readouterr().err
    assert contents(folder) == before
    (folder / "out" / "deep_car.jpg").rename(folder / "out" / "new.jpg")
    assert read(model, ".", "--redact", "out") == 0
    assert "BCR-451" in capsys.readouterr().out


def test_photos_of_one_name_get_a_picture_each(model, folder, tmp_path):
    save_photo(folder / "deep" / "car.png", "BCR456")
    (folder / "other").mkdir()
    save_photo(folder / "other" / "deep" / "car.jpg", "BCR456")
    for target, words in (("read", ("read", "--model")), ("boxes", ("predict",))):
        command = [*words, str(model), "deep", "other", "--save", str(tmp_path / target)]
        assert main(command) == 0
        names = sorted(path.name for path in (tmp_path / target).iterdir())
        assert names == ["deep_car.jpg", "deep_car_2.jpg", "deep_car_3.jpg"]


def test_a_photo_whose_ending_is_in_capitals_is_spared_where_case_does_not_count(
    model, folder, capsys
):
    (folder / "car.jpg").rename(folder / "car.JPG")
    assert read(model, "car.JPG", "--save", ".") == 0  # here it is another file
    (folder / "car.jpg").unlink()
    os.link("car.JPG", "car.jpg")  # one file under both names, as on macOS and Windows
    before = contents(folder)
    assert read(model, "car.JPG", "--save", ".") == 2
    assert contents(folder) == before


@pytest.mark.parametrize("table", ["car.jpg", "deep/../car.jpg"])
def test_the_table_never_replaces_a_photo(model, folder, capsys, table):
    before = contents(folder)
    assert read(model, "car.jpg", "--csv", table) == 2
    assert "reemplazaría el original" in capsys.readouterr().err
    assert contents(folder) == before


def test_a_refused_run_leaves_no_unfinished_table(model, folder):
    assert read(model, "car.jpg", "--save", ".", "--csv", "t.csv") == 2
    assert read(model, "car.jpg", "--save", "out", "--csv", "t.csv") == 0


def test_a_stream_of_paths_ends_before_it_replaces_a_photo(model, folder, capsys, monkeypatch):
    before = contents(folder)
    monkeypatch.setattr(sys, "stdin", io.StringIO("car.jpg\n"))
    assert read(model, "-", "--redact", ".") == 2
    assert contents(folder) == before


def test_the_prompt_refuses_one_photo_and_goes_on(model, folder, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("car.jpg\ndeep/car.jpg\n"))
    before = contents(folder)
    assert read(model, "--interactive", "--save", ".") == 0
    out, err = capsys.readouterr()
    assert "car.jpg: reemplazaría el original" in err
    assert "BCR-456" not in out
    assert "deep/car.jpg: Placa KFR-247" in out
    after = contents(folder)
    assert after.pop(folder / "deep_car.jpg")
    assert after == before


@pytest.mark.parametrize(
    "content",
    [
        b"my,own,table\n1,2,3\n",
        b"my,own,table",
        b"file,error,text\n",
        "año,dígito\n".encode("latin-1"),
        b"\n",
    ],
)
def test_resume_leaves_a_foreign_table_alone(model, folder, capsys, content):
    table = folder / "o.csv"
    table.write_bytes(content)
    assert read(model, "car.jpg", "--csv", table, "--resume") == 2
    err = capsys.readouterr().err
    assert "o.csv: no es una tabla de esta orden" in err
    assert err.count("\n") == 1
    assert table.read_bytes() == content
    assert not (folder / "o.csv.partial").exists()


@pytest.mark.parametrize("content", ["", "file,err", ",".join(CSV_COLUMNS)])
def test_resume_takes_a_table_that_was_cut_off_in_its_header(model, folder, content):
    (folder / "t.csv.partial").write_text(content)
    assert read(model, "car.jpg", "--csv", "t.csv", "--resume") == 0
    assert [row["text"] for row in rows_of(folder / "t.csv")] == ["BCR456"]


def rows_of(table):
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_finished_table_says_so(model, folder, capsys, monkeypatch):
    assert read(model, ".", "--csv", "t.csv") == 0
    assert capsys.readouterr().err == ""
    assert read(model, ".", "--csv", "t.csv", "--resume") == 0
    assert capsys.readouterr() == ("", "2 de 2 archivos ya están en t.csv\n")
    save_photo(folder / "late.jpg", "BCR451")
    assert read(model, ".", "--csv", "t.csv", "--resume", "--lang", "en", "--json") == 0
    out, err = capsys.readouterr()
    assert [json.loads(line)["file"] for line in out.splitlines()] == ["late.jpg"]
    assert err == "2 of 3 files already in t.csv\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO("car.jpg\n"))
    assert read(model, "-", "--csv", "t.csv", "--resume", "--lang", "en") == 0
    assert capsys.readouterr().err == "1 of 1 files already in t.csv\n"


@pytest.mark.parametrize(("moment", "flag"), [(WEDNESDAY, "true"), (SUNDAY, "false")])
def test_table_and_lines_write_truth_alike(model, folder, capsys, moment, flag):
    assert read(model, "car.jpg", "--csv", "t.csv", "--json", "--at", moment) == 0
    assert f'"restricted_now": {flag}' in capsys.readouterr().out
    assert rows_of(folder / "t.csv")[0]["restricted_now"] == flag


def test_a_day_without_a_rule_is_not_called_free(model, folder, capsys):
    assert read(model, "car.jpg", "--json", "--csv", "t.csv", "--at", "2019-11-27T07:30") == 0
    (plate,) = json.loads(capsys.readouterr().out)["plates"]
    assert plate["last_digit"] == 6
    assert set(plate["restriction"].values()) == {None}
    (row,) = csv.DictReader(io.StringIO((folder / "t.csv").read_text()))
    assert row["restricted_now"] == ""


def test_resume_continues_tables_of_earlier_versions(model, folder):
    assert read(model, "car.jpg", "--csv", "t.csv", "--at", WEDNESDAY) == 0
    rows = list(csv.reader(io.StringIO((folder / "t.csv").read_text())))
    later = [rows[0].index(name) for name in ("known_format", "no_pauses_known_after")]
    text = "".join(
        ",".join(cell for column, cell in enumerate(row) if column not in later) + "\n"
        for row in rows
    )
    # Written with capitals, and with the mark and line ends of a spreadsheet.
    earlier = "\ufeff" + text.replace(",true,", ",True,").replace("\n", "\r\n")
    assert earlier.count(",True,") == 1
    (folder / "t.csv").write_text(earlier, encoding="utf-8", newline="")
    assert read(model, ".", "--csv", "t.csv", "--resume", "--at", SUNDAY) == 0
    rows = rows_of(folder / "t.csv")
    shown = ("file", "restricted_now", "known_format", "no_pauses_known_after")
    assert [tuple(row[name] for name in shown) for row in rows] == [
        ("car.jpg", "true", "", ""),
        ("deep/car.jpg", "false", "true", "2026-01-02"),
    ]


def test_an_error_does_not_repeat_the_name_beside_it(model, folder, capsys):
    (folder / "broken.jpg").write_bytes(b"no photo")
    assert read(model, "broken.jpg", "--csv", "t.csv", "--json", "--lang", "en") == 3
    out, err = capsys.readouterr()
    reason = "not a photo in a format that can be read"
    assert json.loads(out)["error"] == reason
    assert rows_of(folder / "t.csv")[0]["error"] == reason
    assert err == f"skipped: broken.jpg: {reason}\n"


@pytest.mark.parametrize("paths", ["car.jpg\0deep/car.jpg\0", "car.jpg\n\0deep/car.jpg\n"])
def test_null_bytes_separate_paths(model, folder, capsys, monkeypatch, paths):
    monkeypatch.setattr(sys, "stdin", io.StringIO(paths))
    assert read(model, "-", "--json") == 0
    files = [json.loads(line)["file"] for line in capsys.readouterr().out.splitlines()]
    assert files == ["car.jpg", "deep/car.jpg"]


@pytest.mark.parametrize("line", ["'my car.jpg'", '"my car.jpg"', "'my car.jpg' ", "my car.jpg"])
def test_the_prompt_takes_files_that_are_dropped_on_it(model, folder, capsys, monkeypatch, line):
    (folder / "car.jpg").rename(folder / "my car.jpg")
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{line}\n"))
    assert read(model, "--interactive") == 0
    assert "my car.jpg: Placa BCR-456" in capsys.readouterr().out


def test_a_name_that_is_not_unicode_goes_into_the_table_and_is_found_again(model, folder, capsys):
    odd = os.fsdecode(b"caf\xe9.jpg")
    (folder / "car.jpg").rename(folder / odd)
    assert read(model, ".", "--json", "--csv", "out.csv") == 0
    rows = list(csv.reader(io.StringIO((folder / "out.csv").read_text(encoding="utf-8"))))
    assert [row[0] for row in rows[1:]] == ["caf\\udce9.jpg", "deep/car.jpg"]
    capsys.readouterr()
    assert read(model, ".", "--csv", "out.csv", "--resume", "--lang", "en") == 0
    assert "2 of 2 files already in out.csv" in capsys.readouterr().err


def test_a_photo_whose_rows_are_cut_off_is_read_again(folder, tmp_path):
    boxes = [[0.25, 0.3, 0.75, 0.45], [0.0, 0.0, 0.1, 0.1]]
    two_plates = save_constant_scored_model(tmp_path / "two.onnx", boxes, [0.9, 0.8])
    assert read(two_plates, ".", "--csv", "out.csv") == 0
    whole = (folder / "out.csv").read_text()
    assert whole.count("\n") == 5
    (folder / "out.csv").unlink()
    (folder / "out.csv.partial").write_text(whole[:-30])
    assert read(two_plates, ".", "--csv", "out.csv", "--resume") == 0
    assert [row[0] for row in csv.reader(io.StringIO((folder / "out.csv").read_text()))] == [
        "file", "car.jpg", "car.jpg", *["deep/car.jpg"] * 2,
    ]  # fmt: skip


def test_a_disk_that_fills_up_at_the_start_costs_nothing_of_an_unfinished_table(
    model, folder, monkeypatch
):
    assert read(model, "car.jpg", "--csv", "out.csv") == 0
    (folder / "out.csv").rename(folder / "out.csv.partial")
    before = contents(folder)

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lightning_plates.drafts.Path.write_bytes", fail)
    monkeypatch.setattr(csv, "writer", fail)
    assert read(model, ".", "--csv", "out.csv", "--resume") == 2
    assert contents(folder) == before


@pytest.mark.parametrize("table", ["deep", "pipe"])
def test_a_table_that_cannot_be_put_in_place_is_refused_at_once(model, folder, capsys, table):
    os.mkfifo(folder / "pipe")
    assert read(model, "car.jpg", "--csv", table) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert (
        printed.err == f"error: {table}: no es un archivo que se pueda reemplazar; indique otro\n"
    )


def test_every_photo_of_a_stream_is_judged_at_its_own_moment(model, folder, capsys, monkeypatch):
    hours = iter([5, 6])  # Wednesday, when BCR456 must stay from 6:00 on

    def now():
        return dt.datetime(2026, 11, 25, next(hours) + 6, 59, tzinfo=dt.timezone.utc)

    monkeypatch.setattr("lightning_plates.cli._read_options.now", now)
    monkeypatch.setattr(sys, "stdin", io.StringIO("car.jpg\ncar.jpg\n"))
    assert read(model, "-", "--json", "--workers", "1") == 0
    plates = [json.loads(line)["plates"][0] for line in capsys.readouterr().out.splitlines()]
    assert [plate["restriction"]["restricted_now"] for plate in plates] == [False, True]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00+00:00", "9999-12-31T23:59-12:00"])
def test_moments_at_the_ends_of_time_are_one_line(model, folder, capsys, moment):
    assert read(model, "car.jpg", "--at", moment) == 2
    assert "se esperaba un momento como" in capsys.readouterr().err


def test_a_stream_is_answered_before_its_next_path_comes(model, folder):
    command = [sys.executable, "-m", "lightning_plates", "read", "--model", str(model), "-"]
    with subprocess.Popen(
        [*command, "--json", "--workers", "4"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        for name in ("car.jpg", "deep/car.jpg"):
            process.stdin.write(f"{name}\n".encode())
            process.stdin.flush()
            # Nothing else comes in: an answer that waited for more would be waited for in vain.
            ready, _, _ = select.select([process.stdout], [], [], 60)
            assert ready, "no answer while the stream is open"
            assert json.loads(process.stdout.readline())["file"] == name
        process.stdin.close()
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("option", ["--save", "--redact"])
def test_a_photo_whose_picture_could_not_be_written_is_no_row_and_is_resumed(
    model, folder, capsys, monkeypatch, option
):
    words = (".", "--csv", "t.csv", option, "out")
    write, written = write_bytes, []

    def fill_up(target, data):
        if written:
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        written.append(target)
        write(target, data)

    monkeypatch.setattr("lightning_plates.cli._read_output.write_bytes", fill_up)
    assert read(model, *words) == 2
    assert "no queda espacio en el disco; libere espacio" in capsys.readouterr().err
    assert [row["file"] for row in rows_of(folder / "t.csv.partial")] == ["car.jpg"]
    monkeypatch.setattr("lightning_plates.cli._read_output.write_bytes", write)
    assert read(model, *words, "--resume") == 0
    assert len(rows_of(folder / "t.csv")) == 2
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["car.jpg", "deep_car.jpg"]


def open_run(model):
    """A process that writes ``t.csv`` until its standard input ends, with one row written."""
    words = ["read", "--model", str(model), "--look", "1", "-", "--csv", "t.csv", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lightning_plates", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdin.write(b"car.jpg\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["file"] == "car.jpg"
    return process


def test_two_runs_never_write_one_table_and_a_dead_one_does_not_hold_it(model, folder, capsys):
    with open_run(model) as first:
        for words in ((), ("--resume",)):
            assert read(model, "deep/car.jpg", "--csv", "t.csv", *words) == 2
            err = capsys.readouterr().err
            assert "t.csv.partial: otra ejecución está escribiendo esta tabla" in err
            assert err.count("\n") == 1
        first.kill()
    assert read(model, "deep/car.jpg", "--csv", "t.csv") == 2
    assert "agregue --resume" in capsys.readouterr().err
    assert read(model, "car.jpg", "deep/car.jpg", "--csv", "t.csv", "--resume") == 0
    assert [row["file"] for row in rows_of(folder / "t.csv")] == ["car.jpg", "deep/car.jpg"]
    assert "car.jpg: Placa" in capsys.readouterr().out


def test_of_two_runs_that_begin_at_once_one_has_the_table(tmp_path):
    first, second = (
        ReadOutput(tmp_path / "t.csv", None, None, "es", resume=False) for _ in range(2)
    )
    with first:
        with pytest.raises(InputError, match="another run is writing this table"), second:
            pass
        assert (tmp_path / "t.csv.partial").exists()
    assert rows_of(tmp_path / "t.csv") == []


def test_a_run_that_finished_let_others_write_its_table(model, folder):
    with open_run(model) as first:
        first.stdin.close()
        assert first.wait(timeout=60) == 0
    assert [row["file"] for row in rows_of(folder / "t.csv")] == ["car.jpg"]
    assert read(model, "deep/car.jpg", "--csv", "t.csv") == 0


def test_a_pipe_in_place_of_the_unfinished_table_is_refused(model, folder, capsys):
    os.mkfifo(folder / "t.csv.partial")
    assert read(model, "car.jpg", "--csv", "t.csv", "--resume") == 2
    assert "no es un archivo que se pueda reemplazar" in capsys.readouterr().err


@pytest.fixture
def lettering(folder):
    save_photo(folder / "car.jpg", "4X4")
    return folder / "car.jpg"


@pytest.mark.parametrize(
    ("language", "sentence", "note"),
    [
        (
            "es",
            "Placa 4X4 · no tiene un formato conocido de Costa Rica · último dígito 4",
            "sin día de restricción por no tener un formato conocido: 1; --any-format lo da",
        ),
        (
            "en",
            "Plate 4X4 · fits no known format of Costa Rica · last digit 4",
            "without a restriction day, because they fit no known format: 1; "
            "--any-format gives one",
        ),
    ],
)
def test_lettering_is_said_to_be_no_plate_and_has_no_day(
    model, lettering, capsys, language, sentence, note
):
    words = ("car.jpg", "--at", WEDNESDAY, "--lang", language)
    assert read(model, *words) == 0
    assert capsys.readouterr() == (f"car.jpg: {sentence}\n", f"{note}\n")
    assert read(model, *words, "--any-format") == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"car.jpg: {sentence} · restri")
    assert err == ""


def test_lettering_in_lines_and_table(model, lettering, capsys, folder):
    assert read(model, "car.jpg", "--at", WEDNESDAY, "--json", "--csv", "t.csv") == 0
    (plate,) = json.loads(capsys.readouterr().out)["plates"]
    assert (plate["text"], plate["known_format"], plate["last_digit"]) == ("4X4", False, 4)
    assert set(plate["restriction"].values()) == {None}
    (row,) = rows_of(folder / "t.csv")
    assert (row["known_format"], row["weekday"]) == ("false", "")


def test_without_formats_or_rules_nothing_is_said_about_them(model, lettering, capsys):
    assert read(model, "car.jpg", "--country", "any", "--at", WEDNESDAY, "--json") == 0
    (plate,) = json.loads(capsys.readouterr().out)["plates"]
    assert (plate["known_format"], plate["restriction"]["weekday"]) == (None, "tuesday")
    assert read(model, "car.jpg", "--rules", "none") == 0
    assert capsys.readouterr() == (
        "car.jpg: Placa 4X4 · no tiene un formato conocido de Costa Rica · último dígito 4\n",
        "",
    )


def test_no_rules_judge_nothing(model, folder, capsys):
    assert read(model, "car.jpg", "--rules", "none", "--save", "out") == 0
    assert capsys.readouterr().out == "car.jpg: Placa BCR-456 · último dígito 6\n"
    assert read(model, "car.jpg", "--rules", "none", "--json") == 0
    (plate,) = json.loads(capsys.readouterr().out)["plates"]
    assert set(plate["restriction"].values()) == {None}


def test_an_answer_after_the_last_known_pause_says_so(model, folder, capsys):
    for moment, known in (("2026-12-24T10:00", "2026-01-02"), ("2025-11-26T10:00", None)):
        assert read(model, "car.jpg", "--at", moment, "--json", "--csv", "t.csv") == 0
        (plate,) = json.loads(capsys.readouterr().out)["plates"]
        assert plate["restriction"]["no_pauses_known_after"] == known
        (row,) = rows_of(folder / "t.csv")
        assert row["no_pauses_known_after"] == (known or "")
        assert read(model, "car.jpg", "--at", moment, "--lang", "en") == 0
        assert ("no pauses known after 2026-01-02" in capsys.readouterr().out) == bool(known)


def test_the_plate_listed_first_has_the_highest_score(folder, tmp_path, capsys):
    boxes = [[0.0, 0.0, 0.1, 0.1], [0.25, 0.3, 0.75, 0.45]]
    model = save_constant_scored_model(tmp_path / "two.onnx", boxes, [0.8, 0.9])
    assert main(["read", "--model", str(model), "car.jpg", "--json"]) == 0
    plates = json.loads(capsys.readouterr().out)["plates"]
    scores = [plate["box_confidence"] for plate in plates]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == pytest.approx(0.9, abs=1e-3)
