import csv
import dataclasses
import datetime as dt
import json
import os
import signal
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
from moving_plates import frame_of, save_video

from lightning_plates.api import ReaderOptions
from lightning_plates.boxes import Detection
from lightning_plates.cli._read_options import ReadOptions
from lightning_plates.cli._read_output import ReadOutput
from lightning_plates.cli._read_video import VideoCommand, live_address
from lightning_plates.clock import STEPS
from lightning_plates.errors import InputError, VideoError
from lightning_plates.reading.calibration import IDENTITY
from lightning_plates.reading.captions import caption
from lightning_plates.reading.pipeline import LastDigit, PhotoReading, PlateReading, ReadingRules
from lightning_plates.reading.plate_text import PlateText
from lightning_plates.reading.rules.formats import load_formats
from lightning_plates.reading.rules.schedules import load_calendar
from lightning_plates.terminal.console import Terminated

pytest.importorskip("norfair", reason="the extra 'video' is not installed")

FORMATS = load_formats("costa_rica")
PRIVATE = next(f for f in FORMATS if f.matches("BCR456"))
WEDNESDAY = dt.datetime(2026, 11, 25, 7, 30)
PHOTO_KEYS = ["file", "error", "plates", "timings_ms"]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Three seconds at ten frames a second: a yellow plate from left to right."""
    frames = [frame_of(number) for number in range(30)]
    return save_video(tmp_path_factory.mktemp("street") / "car.avi", frames)


class YellowReader:
    """Finds what is yellow and reads ``BCR456``, or what it is told to."""

    def __init__(self, text="BCR456", on_frame=lambda: None):
        self.text, self.on_frame = text, on_frame
        self.pipeline = self

    def find(self, image):
        rows, columns = np.nonzero((image[..., 0] > 180) & (image[..., 2] < 100))
        box = tuple(
            float(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        )
        return (Detection(box, 0.9),)

    def read(self, image, _moment):
        self.on_frame()
        text = PlateText(self.text, (0.95,) * len(self.text), PRIVATE)
        digit = LastDigit(int(self.text[-1]), 0.95)
        plate = PlateReading(self.find(image)[0], text, digit, PRIVATE)
        return PhotoReading((plate,), {**dict.fromkeys(STEPS, 0.5), "total": 4.0})


OPTIONS = ReadOptions(
    sources=(), interactive=False, language="es", at=WEDNESDAY, reader=ReaderOptions(),
    model=None, runtime=None, device=None, threads=None, workers=1, json=False, table=None,
    pictures=None, redacted=None, resume=False, fps=5.0, timeout_s=1.0, reconnect=1,
)  # fmt: skip


def run(source, reader=None, **changes):
    """Read one source as the command does; returns whether it could be read as a whole."""
    rules = ReadingRules(FORMATS, IDENTITY, load_calendar("costa_rica"), min_confidence=0.9)
    options = dataclasses.replace(OPTIONS, sources=(str(source),), **changes)
    output = ReadOutput(
        options.table, options.pictures, options.redacted, options.language, resume=options.resume
    )
    chosen = reader or YellowReader()
    command = VideoCommand(options, lambda: chosen, rules, output)
    is_file = Path(source).exists()
    waiting = output.without_finished([Path(source)]) if is_file else [live_address(source)]
    output.expect_videos()
    with output:
        for one in waiting:
            command.read(one)
    return not command.failed


def test_one_line_a_vehicle_as_a_person_would_say_it(video, capsys):
    assert run(video)

    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    assert "Placa BCR-456 · último dígito 6 · restricción los miércoles de 6:00 a 19:00" in out
    assert "cuadros que coinciden: 15 de 15 · 0:00–0:02" in out


def test_english(video, capsys):
    run(video, language="en")
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

    run(video, table=tmp_path / "t.csv", pictures=tmp_path / "save", redacted=tmp_path / "redact")

    with (tmp_path / "t.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["text"], row["frames"], row["last_s"]) == ("BCR456", "15", "2.8")
    name = f"{video.parent.name}_car.webm"
    assert count_frames(tmp_path / "save" / name) == 15
    assert count_frames(tmp_path / "redact" / name) == 30  # all that the source has


def test_the_table_is_on_the_disk_before_the_camera_is_unplugged(video, tmp_path, monkeypatch):
    on_disk = []
    monkeypatch.setattr(
        "lightning_plates.cli._read_video.json_line",
        lambda *_: on_disk.extend(file.read_text() for file in tmp_path.glob("t.csv.partial")),
    )
    run(video, table=tmp_path / "t.csv", json=True)
    assert on_disk == [(tmp_path / "t.csv").read_text()]
    assert "BCR456" in on_disk[0]


@pytest.mark.parametrize("option", ["pictures", "redacted", "table"])
def test_the_video_itself_is_never_replaced(video, tmp_path, monkeypatch, option):
    copy = tmp_path / "v.webm"  # OpenCV goes by the content, not by the ending
    copy.write_bytes(video.read_bytes())
    monkeypatch.chdir(tmp_path)
    target = copy if option == "table" else tmp_path
    with pytest.raises(InputError, match=r"v\.webm: would overwrite the original"):
        run("v.webm", **{option: target})
    assert copy.read_bytes() == video.read_bytes()
    assert list(tmp_path.iterdir()) == [copy]


@pytest.mark.parametrize(("fps", "rate"), [(0.0, 10), (5.0, 5)])
def test_the_annotated_video_has_the_rate_of_the_frames_looked_at(video, tmp_path, fps, rate):
    run(video, pictures=tmp_path, fps=fps)

    written = tmp_path / f"{video.parent.name}_car.webm"
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

    assert not run(cut, table=tmp_path / "t.csv", json=True)

    out, err = capsys.readouterr()
    first, last = (json.loads(line) for line in out.splitlines())
    assert first["plates"][0]["text"] == "BCR456"
    assert last["error"].startswith("video dañado o cortado (le faltan ")
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

    with pytest.raises(KeyboardInterrupt):
        run(video, reader, pictures=tmp_path)

    out, err = capsys.readouterr()
    assert "coinciden: 4 de 4" in out
    assert "detenido" in err
    assert count_frames(tmp_path / f"{video.parent.name}_car.webm") == 4
    assert signal.getsignal(signal.SIGINT) is before


def frames_in(path):
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    while True:
        decoded, image = capture.read()
        if not decoded:
            return
        yield image[..., ::-1]


def share_of_yellow(image):
    red, green, blue = (image[..., channel].astype(int) for channel in range(3))
    return ((red > 190) & (green > 190) & (blue < 90)).mean()


class ForgetfulReader(YellowReader):
    """Misses the plate in some frames, wherever they are looked at."""

    def __init__(self, missed):
        super().__init__()
        self.missed = missed

    def _is_missed(self, image):
        columns = np.nonzero((image[..., 0] > 180) & (image[..., 2] < 100))[1]
        return round(columns.min() / 8) in self.missed

    def find(self, image):
        return () if self._is_missed(image) else super().find(image)

    def read(self, image, moment):
        timings = {**dict.fromkeys(STEPS, 0.5), "total": 4.0}
        return PhotoReading((), timings) if self._is_missed(image) else super().read(image, moment)


@pytest.mark.parametrize("missed", [(), range(3), range(10, 25), range(27, 30)])
def test_no_frame_of_the_redacted_video_shows_what_others_hide(video, tmp_path, missed):
    run(video, ForgetfulReader(missed), redacted=tmp_path)

    shares = [share_of_yellow(image) for image in frames_in(next(tmp_path.glob("*.webm")))]
    assert len(shares) == 30
    assert share_of_yellow(frame_of(0)) > 0.02
    # What is averaged stays yellow in its middle; a plate that is seen has 0.02.
    assert max(shares) < 0.008


def test_frames_between_those_that_are_read_are_looked_at(tmp_path):
    # Every second frame is read; in the others the plate is where nobody expects it.
    frames = [frame_of(number % 2 * 25) for number in range(10)]
    path = save_video(tmp_path / "jumps.avi", frames)
    run(path, redacted=tmp_path / "out")
    shares = [share_of_yellow(image) for image in frames_in(next((tmp_path / "out").iterdir()))]
    assert len(shares) == 10
    assert max(shares) < 0.008


def test_the_day_is_drawn_once_two_frames_agree(video, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "lightning_plates.cli._video_output.annotate",
        lambda image, plates, language: (
            drawn.append([caption(plate, language) for plate in plates]) or image
        ),
    )
    run(video, pictures=tmp_path)
    assert drawn[0] == [["BCR-456", "último dígito inseguro"]]
    assert drawn[1:] == [[["BCR-456", "último dígito 6", "restricción los miércoles"]]] * 14


def test_a_file_without_vehicles_says_so(tmp_path, capsys):
    class BlindReader(YellowReader):
        def read(self, _image, _moment):
            return PhotoReading((), {**dict.fromkeys(STEPS, 0.5), "total": 4.0})

    empty = save_video(tmp_path / "street.avi", [frame_of(0)] * 5)
    assert run(empty, BlindReader(), table=tmp_path / "t.csv")
    assert capsys.readouterr().out == f"{empty}: no se encontró ninguna placa\n"
    with (tmp_path / "t.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["file"], row["text"], row["vehicle"]) == (str(empty), "", "")

    run(empty, BlindReader(), json=True)
    record = json.loads(capsys.readouterr().out)
    assert (record["error"], record["plates"], record["video"]) == (None, [], None)


def test_a_file_that_cannot_be_read_is_a_line_a_row_and_no_video(tmp_path, capsys):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    assert not run(broken, table=tmp_path / "t.csv", pictures=tmp_path / "out", json=True)
    out, err = capsys.readouterr()
    assert err == (
        f"error: {broken}: no es un video que se pueda leer (dañado, cortado antes de su índice, "
        "o solo sonido)\n"
    )
    assert json.loads(out)["error"].startswith("no es un video")
    with (tmp_path / "t.csv").open(newline="") as file:
        [row] = csv.DictReader(file)
    assert row["error"].startswith("no es un video")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_file_stays_unfinished_and_is_read_again(video, tmp_path, capsys, number):
    table = tmp_path / "t.csv"
    calls = iter(range(100))
    reader = YellowReader(on_frame=lambda: next(calls) == 3 and os.kill(os.getpid(), number))
    with pytest.raises(KeyboardInterrupt) as caught:
        run(video, reader, table=table)
    assert isinstance(caught.value, Terminated) == (number == signal.SIGTERM)
    assert not table.exists()

    assert run(video, table=table, resume=True)

    assert "coinciden: 15 de 15" in capsys.readouterr().out
    with table.open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["text"], row["frames"]) == ("BCR456", "15")


def test_a_finished_file_is_not_read_again(video, tmp_path, capsys):
    table = tmp_path / "t.csv"
    run(video, table=table)
    before = table.read_text()
    capsys.readouterr()
    assert run(video, table=table, resume=True)
    assert capsys.readouterr().out == ""
    assert table.read_text() == before


def test_a_damaged_file_is_tried_again_and_its_rows_are_not_doubled(video, tmp_path, capsys):
    cut = tmp_path / "cut.avi"
    cut.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    table = tmp_path / "t.csv"
    run(cut, table=table)
    before = table.read_text()
    assert before.count("BCR456") == 1
    capsys.readouterr()
    assert not run(cut, table=table, resume=True)
    assert "BCR-456" in capsys.readouterr().out
    assert table.read_text().count("BCR456") == 1
    assert table.read_text().count("dañado") == 1


def test_what_a_camera_showed_is_never_dropped_from_the_table(video, tmp_path):
    """It may have been lost, or the power may have failed; nobody can read it again."""
    table = tmp_path / "t.csv"
    run(video, table=table)
    header, row = table.read_text().splitlines()
    rows = [line.replace(str(video), "rtsp://***@10.0.0.2/1") for line in (row, row)]
    lost = rows[0].replace("rtsp://***@10.0.0.2/1,", "rtsp://***@10.0.0.2/1,signal lost", 1)
    kept = "\n".join([header, *rows, lost, *rows, ""])
    table.with_name("t.csv.partial").write_text(kept)
    run(video, table=table, resume=True)
    assert table.read_text().startswith(kept)
