import argparse
import csv
import datetime as dt
import json
import os
import signal
import socket

import cv2
import numpy as np
import pytest

from lightning_plates.cli._read_video import read_video
from lightning_plates.errors import InputError, VideoError
from lightning_plates.reading.calibration import IDENTITY
from lightning_plates.reading.formats import load_formats
from lightning_plates.reading.pipeline import LastDigit, PhotoReading, PlateReading, ReadingRules
from lightning_plates.reading.plate_text import PlateText
from lightning_plates.reading.schedules import load_calendar
from lightning_plates.reading.stopwatch import STEPS
from lightning_plates.results import Detection

pytest.importorskip("norfair", reason="the extra 'video' is not installed")

FORMATS = load_formats("costa_rica")
PRIVATE = next(f for f in FORMATS if f.matches("BCR456"))
WEDNESDAY = dt.datetime(2026, 11, 25, 7, 30)
PHOTO_KEYS = ["file", "error", "plates", "timings_ms"]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Three seconds at ten frames a second: a yellow plate from left to right."""
    path = tmp_path_factory.mktemp("street") / "car.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (320, 120))
    for number in range(30):
        image = np.full((120, 320, 3), 40, dtype=np.uint8)
        image[40:60, number * 8 : number * 8 + 40] = (240, 240, 20)
        writer.write(image[..., ::-1])
    writer.release()
    return path


class YellowReader:
    """Finds what is yellow and reads ``BCR456``, or what it is told to."""

    def __init__(self, text="BCR456", on_frame=lambda: None):
        self.text, self.on_frame = text, on_frame

    def read(self, image, _moment):
        self.on_frame()
        rows, columns = np.nonzero((image[..., 0] > 180) & (image[..., 2] < 100))
        box = tuple(
            float(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        )
        text = PlateText(self.text, (0.95,) * len(self.text), PRIVATE)
        digit = LastDigit(int(self.text[-1]), 0.95)
        plate = PlateReading(Detection(box, 0.9), text, digit, PRIVATE)
        return PhotoReading((plate,), {**dict.fromkeys(STEPS, 0.5), "total": 4.0})


def arguments(source, **changes):
    defaults = {
        "sources": [str(source)], "lang": "es", "at": WEDNESDAY, "json": False, "csv": None,
        "save": None, "redact": None, "resume": False, "fps": 5.0, "timeout": 1.0, "reconnect": 1,
    }  # fmt: skip
    return argparse.Namespace(**{**defaults, **changes})


def run(source, reader=None, **changes):
    rules = ReadingRules(FORMATS, IDENTITY, load_calendar("costa_rica"), min_confidence=0.9)
    return read_video(
        arguments(source, **changes), reader or YellowReader(), rules, lambda: WEDNESDAY
    )


def test_one_line_a_vehicle_as_a_person_would_say_it(video, capsys):
    assert run(video) == 0

    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    assert "Placa BCR-456 · último dígito 6 · restricción los miércoles de 6:00 a 19:00" in out
    assert "cuadros que coinciden: 15 de 15 · 0:00–0:02" in out


def test_english(video, capsys):
    run(video, lang="en")
    assert "frames that agree: 15 of 15 · 0:00–0:02" in capsys.readouterr().out


def test_json_has_the_keys_of_a_photo_and_the_votes(video, capsys):
    run(video, json=True)

    record = json.loads(capsys.readouterr().out)
    assert list(record) == [*PHOTO_KEYS, "video"]
    assert record["file"] == str(video)
    assert record["plates"][0]["text"] == "BCR456"
    assert record["plates"][0]["restriction"]["weekday"] == "wednesday"
    assert record["timings_ms"]["total"] == 4.0
    votes = record["video"]
    assert (votes["frames"], votes["frames_agreeing"]) == (15, 15)
    assert (votes["first_s"], votes["last_s"]) == (0.0, 2.8)


def test_table_and_videos_are_written_when_asked_and_only_then(video, tmp_path, capsys):
    run(video)
    assert list(tmp_path.iterdir()) == []

    run(video, csv=tmp_path / "t.csv", save=tmp_path / "save", redact=tmp_path / "redact")

    with (tmp_path / "t.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["text"], row["frames"], row["last_s"]) == ("BCR456", "15", "2.8")
    name = f"{video.parent.name}_car.mp4"
    assert count_frames(tmp_path / "save" / name) == 15
    assert count_frames(tmp_path / "redact" / name) == 15


def test_the_table_is_on_the_disk_before_the_camera_is_unplugged(video, tmp_path, monkeypatch):
    on_disk = []
    monkeypatch.setattr(
        "lightning_plates.cli._read_video._print_vehicle",
        lambda *_: on_disk.extend(file.read_text() for file in tmp_path.glob(".draft-*/*/*.csv")),
    )
    run(video, csv=tmp_path / "t.csv")
    assert on_disk == [(tmp_path / "t.csv").read_text()]
    assert "BCR456" in on_disk[0]


@pytest.mark.parametrize("option", ["save", "redact", "csv"])
def test_the_video_itself_is_never_replaced(video, tmp_path, monkeypatch, option):
    copy = tmp_path / "v.mp4"  # OpenCV goes by the content, not by the ending
    copy.write_bytes(video.read_bytes())
    monkeypatch.chdir(tmp_path)
    target = copy if option == "csv" else tmp_path
    with pytest.raises(InputError, match=r"v\.mp4: would overwrite the original"):
        run("v.mp4", **{option: target})
    assert copy.read_bytes() == video.read_bytes()
    assert list(tmp_path.iterdir()) == [copy]


@pytest.mark.parametrize(("fps", "rate"), [(0.0, 10), (5.0, 5)])
def test_the_annotated_video_has_the_rate_of_the_frames_looked_at(video, tmp_path, fps, rate):
    run(video, save=tmp_path, fps=fps)

    written = tmp_path / f"{video.parent.name}_car.mp4"
    assert cv2.VideoCapture(str(written), cv2.CAP_FFMPEG).get(cv2.CAP_PROP_FPS) == rate
    assert count_frames(written) == 3 * rate


def count_frames(path):
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    count = 0
    while capture.grab():
        count += 1
    return count


def test_a_video_that_ends_mid_frame_is_answered_and_reported(video, tmp_path, capsys):
    cut = tmp_path / "cut.avi"
    cut.write_bytes(video.read_bytes()[: video.stat().st_size // 2])

    assert run(cut, csv=tmp_path / "t.csv", json=True) == 3

    out, err = capsys.readouterr()
    first, last = (json.loads(line) for line in out.splitlines())
    assert first["plates"][0]["text"] == "BCR456"
    assert last["error"].startswith("el video termina en el cuadro")
    assert last["plates"] == []
    assert err.count("\n") == 1
    assert "BCR456" in (tmp_path / "t.csv").read_text()


def test_a_silent_address_is_an_error_and_shows_no_password(capsys):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"rtsp://admin:secret@127.0.0.1:{silent.getsockname()[1]}/1"
        with pytest.raises(VideoError, match="no responde"):
            run(address, json=True)

    out, err = capsys.readouterr()
    record = json.loads(out)
    assert record["file"].startswith("rtsp://***@127.0.0.1")
    assert record["video"] is None
    assert "secret" not in out + err


def test_an_unsure_vote_is_unsure(video, capsys):
    texts = iter(["BCR456", "BCR458"] * 8)
    reader = YellowReader()
    reader.on_frame = lambda: setattr(reader, "text", next(texts))

    run(video, reader)

    assert "último dígito inseguro" in capsys.readouterr().out


def test_ctrl_c_answers_what_was_read_and_gives_the_handler_back(video, tmp_path, capsys):
    before = signal.getsignal(signal.SIGINT)
    calls = iter(range(100))

    def interrupt_in_the_fourth_frame():
        if next(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    reader = YellowReader(on_frame=interrupt_in_the_fourth_frame)

    assert run(video, reader, save=tmp_path) == 130

    out, err = capsys.readouterr()
    assert "coinciden: 4 de 4" in out
    assert "detenido" in err
    assert count_frames(tmp_path / f"{video.parent.name}_car.mp4") == 4
    assert signal.getsignal(signal.SIGINT) is before


def test_resume_is_refused(video):
    with pytest.raises(InputError, match="--resume"):
        run(video, resume=True)
