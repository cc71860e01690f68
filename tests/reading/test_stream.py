import contextlib
import math
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time
import wave
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest
from moving_plates import save_video

from lightning_plates.errors import VideoError
from lightning_plates.reading.video.capture import OpenCvCapture, Timeouts
from lightning_plates.reading.video.files import is_video
from lightning_plates.reading.video.stream import (
    Reconnection,
    StreamOptions,
    _Grabber,
    frames_of,
    shown_address,
)
from lightning_plates.reading.video.stream_phrases import ENGLISH, SPANISH

FPS = 10
FRAMES = 40
STREAM = "rtsp://admin:secret@camera.invalid/1"


def draw(number):
    """A frame whose left edge position tells its number."""
    image = np.full((120, 200, 3), 60, dtype=np.uint8)
    image[40:60, number * 4 : number * 4 + 30] = (250, 250, 20)
    return image


@pytest.fixture(scope="module", params=[("MJPG", "avi"), ("mp4v", "mp4")], ids=["avi", "mp4"])
def video(request, tmp_path_factory):
    codec, suffix = request.param
    path = tmp_path_factory.mktemp("video") / f"cars.{suffix}"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), FPS, (200, 120))
    assert writer.isOpened()
    for number in range(FRAMES):
        writer.write(draw(number)[..., ::-1])
    writer.release()
    return path


@dataclass
class FakeCapture:
    """A source that gives some frames and then is lost."""

    frames: int
    fps: float | None = 25.0
    time_s: float = 0.0
    closed: bool = False
    hangs: threading.Event | None = None

    def grab(self):
        if self.hangs is not None:
            self.hangs.wait(5)
        time.sleep(0.001)
        self.frames -= 1
        return self.frames >= 0

    def retrieve(self):
        return np.zeros((4, 6, 3), dtype=np.uint8)

    def close(self):
        self.closed = True


@dataclass
class Opener:
    """Gives prepared captures in turn; ``None`` refuses the connection."""

    captures: list
    opened: list = field(default_factory=list)

    def __call__(self, address, timeouts):
        capture = self.captures[len(self.opened)] if len(self.opened) < len(self.captures) else None
        self.opened.append(capture)
        return capture


def live_options(notices, attempts=3, phrases=ENGLISH):
    return StreamOptions(
        fps=0,
        timeouts=Timeouts(open_s=2.0, read_s=0.3),
        reconnection=Reconnection(attempts, first_delay_s=0.01, longest_delay_s=0.03),
        phrases=phrases,
        notify=notices.append,
    )


def test_every_frame_of_a_file_with_its_time(video):
    frames = list(frames_of(video, StreamOptions(fps=0)))

    assert [frame.number for frame in frames] == list(range(FRAMES))
    assert frames[7].time_s == pytest.approx(0.7, abs=0.01)
    assert frames[0].image.shape == (120, 200, 3)


def test_frames_are_rgb(video):
    frame = next(iter(frames_of(video, StreamOptions(fps=0))))

    red, green, blue = frame.image[50, 15].astype(int)
    assert red > 200
    assert green > 200
    assert blue < 100


@pytest.mark.parametrize(("fps", "step"), [(5, 2), (2, 5), (10, 1), (100, 1)])
def test_a_file_is_sampled_by_its_own_time(video, fps, step):
    numbers = [frame.number for frame in frames_of(video, StreamOptions(fps=fps))]

    assert numbers == list(range(0, FRAMES, step))


def test_recordings_that_were_joined_are_read_to_their_end(tmp_path):
    """A transport stream's clock starts anew with each part; frames must not wait for it."""
    part = tmp_path / "part.ts"
    code = cv2.VideoWriter_fourcc(*"mpg2")
    writer = cv2.VideoWriter(str(part), cv2.CAP_FFMPEG, code, FPS, (200, 120))
    if not writer.isOpened():
        pytest.skip("this OpenCV cannot write a transport stream")
    for number in range(FRAMES):
        writer.write(draw(number))
    writer.release()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(part.read_bytes() * 3)
    times = [frame.time_s for frame in frames_of(joined, StreamOptions(fps=2))]
    assert len(times) == pytest.approx(3 * FRAMES / FPS * 2, abs=1)
    assert np.diff(times) == pytest.approx(0.5, abs=0.15)


def test_an_avi_that_ends_mid_frame_is_answered_and_said_to_be_cut(video, tmp_path):
    if video.suffix != ".avi":
        pytest.skip("the index of an mp4 stands at its end; see the next test")
    cut = tmp_path / "cut.avi"
    cut.write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    frames = []

    def read_all():
        for frame in frames_of(cut, StreamOptions(fps=0)):
            frames.append(frame)

    with pytest.raises(VideoError) as caught:
        read_all()
    assert 5 < len(frames) < FRAMES
    missing = video.stat().st_size - cut.stat().st_size
    assert f"{missing} bytes are missing at its end, after frame {len(frames)}" in str(caught.value)


@dataclass
class ScriptedCapture:
    """Steps that succeed (``.``) or fail (``x``), as of packets that cannot be decoded."""

    steps: str
    fps: float | None = 10.0
    time_s: float = 0.0
    place: int = 0

    def grab(self):
        self.place += 1
        return self.steps[self.place - 1 : self.place] == "."

    def retrieve(self):
        return np.zeros((4, 6, 3), dtype=np.uint8)

    def close(self):
        pass


def read_until_told(path, **options):
    """Frames of ``path``, and what was said of it at the end."""
    frames = []
    try:
        frames.extend(frames_of(path, StreamOptions(fps=0, **options)))
    except VideoError as error:
        return frames, str(error)
    return frames, None


def test_packets_that_cannot_be_decoded_are_stepped_over_and_told(video):
    frames = []

    def read():
        for frame in frames_of(
            video, StreamOptions(fps=0), opener=lambda *_: ScriptedCapture("..x..xx." + "x" * 2000)
        ):
            frames.append(frame)

    with pytest.raises(VideoError) as caught:
        read()
    assert [frame.number for frame in frames] == [0, 1, 3, 4, 7]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.1, 0.3, 0.4, 0.7])
    assert "frames that cannot be decoded: 3" in str(caught.value)


def test_a_real_damaged_packet_costs_only_its_own_frames(tmp_path):
    noise = np.random.default_rng(3)
    frames = [noise.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(30)]
    path = save_video(tmp_path / "clip.avi", frames, "mp4v")
    content = bytearray(path.read_bytes())
    packets = [place for place in range(len(content) - 4) if content[place : place + 4] == b"00dc"]
    start, end = packets[10], packets[11]
    content[start + 8 : end] = bytes(end - start - 8)
    path.write_bytes(content)
    found, told = read_until_told(path)
    assert len(found) >= 28
    assert "frames that cannot be decoded: 1" in told


def test_an_edit_that_hides_frames_is_no_damage(tmp_path):
    """Phones cut a clip without encoding it anew: the frames stay, a list hides them."""
    path = save_video(tmp_path / "clip.mp4", [draw(i) for i in range(FRAMES)], "mp4v")
    content = bytearray(path.read_bytes())
    start = content.index(b"elst") + 12
    duration = int.from_bytes(content[start : start + 4], "big")
    content[start : start + 4] = (duration // 2).to_bytes(4, "big")
    path.write_bytes(content)
    frames, told = read_until_told(path)
    assert FRAMES // 2 <= len(frames) < FRAMES - 5
    assert told is None


@pytest.mark.parametrize(("width", "size"), [(400, (120, 400)), (100, (240, 200))])
def test_pixels_that_are_not_square_are_stretched(tmp_path, width, size):
    path = save_video(tmp_path / "clip.mp4", [draw(3)] * 3, "mp4v")
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 4 + 76  # the width at which to show it, in 16.16 bits
    assert int.from_bytes(content[start : start + 4], "big") == 200 << 16
    content[start : start + 4] = (width << 16).to_bytes(4, "big")
    path.write_bytes(content)
    [frame, *_], told = read_until_told(path)
    assert told is None
    assert frame.image.shape[:2] == size
    rows, columns = np.nonzero((frame.image[..., 0] > 180) & (frame.image[..., 2] < 120))
    across, down = size[1] / 200, size[0] / 120
    assert (columns.min(), columns.max()) == pytest.approx((12 * across, 42 * across), abs=3)
    assert (rows.min(), rows.max()) == pytest.approx((40 * down, 60 * down), abs=3)


@pytest.mark.parametrize(("across", "down"), [(0, 1), (1, 0), (1, 1), (1, 100), (100, 1)])
def test_an_aspect_that_cannot_be_is_none(across, down):
    class Device:
        def get(self, name):
            values = {cv2.CAP_PROP_SAR_NUM: across, cv2.CAP_PROP_SAR_DEN: down}
            return values.get(name, 0.0)

        def retrieve(self):
            return True, np.zeros((40, 60, 3), np.uint8)

    capture = OpenCvCapture(Device(), contextlib.ExitStack())
    assert capture.retrieve().shape == (40, 60, 3)


def test_the_aspect_of_a_turned_frame_is_turned_with_it():
    class Device:
        def get(self, name):
            turned = {cv2.CAP_PROP_ORIENTATION_META: 90.0}
            return {cv2.CAP_PROP_SAR_NUM: 2, cv2.CAP_PROP_SAR_DEN: 1, **turned}.get(name, 0.0)

        def retrieve(self):
            return True, np.zeros((40, 60, 3), np.uint8)  # upright already

    assert OpenCvCapture(Device(), contextlib.ExitStack()).retrieve().shape == (80, 60, 3)


@pytest.mark.parametrize("ending", ["h264", "mp4", "ts", "jpg"])
def test_a_raw_stream_is_read_under_any_name_and_its_times_are_said_to_be_assumed(
    project_dir, tmp_path, ending
):
    path = tmp_path / f"clip.{ending}"
    path.write_bytes((project_dir / "tests" / "files" / "five_frames.h264").read_bytes())
    notices = []
    frames, told = read_until_told(path, notify=notices.append)
    assert told is None
    times = [frame.time_s for frame in frames]
    assert times == pytest.approx([0, 0.04, 0.08, 0.12, 0.16], abs=1e-4)
    assert frames[0].image.shape == (48, 64, 3)
    assert notices == [f"{path}: carries no time stamps; times assume 25 frames a second"]


def dahua(raw):
    """A recording of Dahua's recorders (``.dav``) with the frames of a raw H.264 stream."""
    units = [b"\0\0\0\1" + unit for unit in re.split(b"\0\0\0?\1", raw)[1:]]
    frames, pending = [], b""
    for unit in units:
        pending += unit
        if unit[4] & 31 in {1, 5}:  # a picture ends what stands before it
            frames.append(pending)
            pending = b""
    parts = []
    for number, data in enumerate(frames):
        extra = bytes([0x80, 0, 8, 6, 0x81, 0, 2, 25])  # size in blocks, H.264, 25 a second
        length = 24 + len(extra) + len(data) + 8
        noon = 26 << 26 | 11 << 22 | 25 << 17 | 12 << 12  # 25 November 2026
        kind = bytes([0xFC if number else 0xFD, 0, 0, 0])
        head = struct.pack("<IIIHBB", number, length, noon, 40 * number, len(extra), 0)
        tail = b"dhav" + struct.pack("<I", length)
        parts.append(b"DHAV" + kind + head + extra + data + tail)
    return b"".join(parts)


@pytest.mark.parametrize("ending", ["dav", "bin"])
def test_a_recorder_whose_clock_tells_the_date_is_read_from_zero(project_dir, tmp_path, ending):
    path = tmp_path / f"clip.{ending}"
    raw = (project_dir / "tests" / "files" / "five_frames.h264").read_bytes()
    path.write_bytes(dahua(raw))
    frames, told = read_until_told(path)
    assert told is None
    assert is_video(path)
    times = [frame.time_s for frame in frames]
    assert times == pytest.approx([0, 0.04, 0.08, 0.12, 0.16], abs=1e-4)


def test_photos_one_after_the_other_are_a_video(tmp_path):
    path = tmp_path / "clip.mjpeg"
    jpegs = [cv2.imencode(".jpg", draw(number))[1].tobytes() for number in range(6)]
    path.write_bytes(b"".join(jpegs))
    frames, told = read_until_told(path)
    assert (len(frames), told) == (6, None)


def test_a_name_that_is_not_utf_8_is_read(video, tmp_path):
    """OpenCV ends the process at such a name."""
    folder = tmp_path / os.fsdecode(b"\xe9")
    folder.mkdir()
    for path in (folder / "clip.avi", folder / os.fsdecode(b"caf\xe9.avi")):
        path.write_bytes(video.read_bytes())
        assert len(read_until_told(path)[0]) == FRAMES


def test_a_name_that_looks_like_an_address_is_a_file(video, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("http:clip.mp4")
    path.write_bytes(video.read_bytes())
    assert len(read_until_told(path)[0]) == FRAMES


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: os.mkfifo(path), "no es un archivo normal"),
        (lambda path: path.symlink_to("/dev/zero"), "no es un archivo normal"),
        (lambda path: path.touch(), "el archivo está vacío"),
        (lambda path: path.mkdir(), "no se puede leer"),
        (lambda path: path.symlink_to("none"), "no existe"),
        (lambda path: path.write_bytes(bytes(1000)), "termina en ceros"),
        (lambda path: path.write_bytes(b"\0\0\0\1\x67\x42" + bytes(1 << 20)), "termina en ceros"),
        (lambda path: sparse(path, 20 * 10**9), "termina en ceros"),
    ],
    ids=["pipe", "device", "empty", "folder", "missing", "zeros", "raw then zeros", "sparse"],
)
def test_what_would_hang_or_fill_the_memory_is_one_line(tmp_path, make, told):
    path = tmp_path / "clip.h264"
    make(path)
    start = time.monotonic()
    with pytest.raises(VideoError) as caught:
        list(frames_of(path, StreamOptions(phrases=SPANISH)))
    assert told in str(caught.value)
    assert str(caught.value).count(str(path)) == 1
    assert time.monotonic() - start < 5


def sparse(path, size):
    with path.open("wb") as file:
        file.truncate(size)


def test_a_file_that_may_not_be_read_is_one_line(video, monkeypatch):
    def refuse(path, _limit):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("lightning_plates.reading.video.stream.check_regular", refuse)
    with pytest.raises(VideoError, match="no permission to read it"):
        list(frames_of(video, StreamOptions()))


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "sound.mp4"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(range(256)) * 50)
    with pytest.raises(VideoError, match="sound alone"):
        list(frames_of(path, StreamOptions()))


def test_one_pixel_is_a_frame(tmp_path):
    path = tmp_path / "dot.mjpeg"
    path.write_bytes(cv2.imencode(".jpg", np.full((1, 1, 3), 200, np.uint8))[1].tobytes() * 3)
    assert len(read_until_told(path)[0]) == 3


def test_frames_between_the_sampled_ones_are_given_on_request(video):
    frames = list(frames_of(video, StreamOptions(fps=2, every_frame=True)))
    assert [frame.number for frame in frames] == list(range(FRAMES))
    assert [frame.number for frame in frames if frame.is_due] == list(range(0, FRAMES, 5))


def test_times_that_no_clock_has_are_no_error(video):
    patient = Timeouts(open_s=1e308, read_s=1e308)
    assert len(list(frames_of(video, StreamOptions(fps=1e-300, timeouts=patient)))) == 1
    assert list(Reconnection(2000).delays_s())[-1] == 30.0


def test_a_live_source_looked_at_once_in_an_age_can_be_stopped():
    stopping = threading.Event()
    options = StreamOptions(fps=1e-300)
    frames = frames_of(0, options, stopping, Opener([FakeCapture(10**9)]))
    next(frames)
    threading.Timer(0.1, stopping.set).start()
    assert list(frames) == []


def test_a_recording_that_lacks_packets_is_answered_and_said_to_be_damaged(tmp_path):
    noise = np.random.default_rng(5)
    frames = [noise.integers(0, 255, (120, 200, 3), np.uint8) for _ in range(10)]
    path = save_video(tmp_path / "clip.ts", frames, "mpg2", fps=25)
    content = path.read_bytes()
    middle = len(content) // 188 // 2 * 188
    path.write_bytes(content[:middle] + content[middle + 3 * 188 :])
    found, told = read_until_told(path)
    assert len(found) >= 5
    assert "packets of the transmission were lost" in told


def test_a_live_source_survives_a_packet_that_cannot_be_decoded():
    capture = ScriptedCapture("...xx" * 200_000)
    stopping = threading.Event()
    notices = []
    seen = []
    for frame in frames_of(0, live_options(notices), stopping, Opener([capture])):
        seen.append(frame)
        if len(seen) == 4:
            stopping.set()
    assert notices == []
    assert not any(frame.after_gap for frame in seen)


def test_a_whole_file_gives_no_notice(video):
    notices = []
    list(frames_of(video, StreamOptions(notify=notices.append)))
    assert notices == []


@pytest.mark.parametrize("content", [b"not a video at all", b"\0" * 5000, None])
def test_what_is_no_video_is_one_line(content, video, tmp_path):
    path = tmp_path / "broken.mp4"
    if content is None and video.suffix == ".avi":
        pytest.skip("a cut avi still opens; see the test above")
    cut = video.read_bytes()[: video.stat().st_size // 2]
    path.write_bytes(cut if content is None else content)

    with pytest.raises(VideoError, match=r"broken\.mp4: not a video that can be read"):
        list(frames_of(path, StreamOptions()))


def test_ffmpeg_adds_no_lines_of_its_own(tmp_path):
    # In a process of its own: FFmpeg takes its log level when it is used first.
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 500)
    code = (
        "import sys; from lightning_plates.reading.video import stream\n"
        "try: list(stream.frames_of(sys.argv[1], stream.StreamOptions()))\n"
        "except stream.VideoError: print('refused')"
    )
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)

    assert (run.stdout, run.stderr) == ("refused\n", "")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(VideoError, match=r"none\.mp4: no existe"):
        list(frames_of(tmp_path / "none.mp4", StreamOptions(phrases=SPANISH)))


def test_a_camera_that_is_not_there_is_one_line(capfd):
    with pytest.raises(VideoError, match="97: no camera answers at that index"):
        list(frames_of(97, StreamOptions()))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_an_address_that_accepts_and_never_answers_ends_in_bounded_time(scheme):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"{scheme}://admin:secret@127.0.0.1:{silent.getsockname()[1]}/1"
        options = StreamOptions(timeouts=Timeouts(open_s=1.0, read_s=1.0))
        start = time.monotonic()

        with pytest.raises(VideoError, match="does not answer") as caught:
            list(frames_of(address, options))

    assert time.monotonic() - start < 8  # one second, and what a busy machine adds
    assert "secret" not in str(caught.value)


def test_a_refused_connection_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(VideoError, match="does not answer"):
        list(frames_of(f"rtsp://127.0.0.1:{port}/1", StreamOptions()))


def test_a_driver_that_hangs_does_not_hang_the_program():
    hangs = threading.Event()
    options = StreamOptions(timeouts=Timeouts(open_s=0.2, read_s=0.2))
    start = time.monotonic()

    with pytest.raises(VideoError):
        list(frames_of(0, options, opener=lambda *_: FakeCapture(9, hangs=hangs)))

    hangs.set()
    assert time.monotonic() - start < 5


def test_a_lost_stream_is_reconnected_and_says_so():
    notices = []
    opener = Opener([FakeCapture(5), None, FakeCapture(10**9)])
    stopping = threading.Event()
    gaps = []

    for frame in frames_of(STREAM, live_options(notices), stopping, opener):
        gaps.append(frame.after_gap)
        if frame.after_gap:
            stopping.set()

    assert gaps.count(True) == 1
    assert gaps[-1]
    assert len(gaps) >= 2
    assert [line.split(": ", 1)[1].split(";")[0] for line in notices] == [
        "signal lost",
        "still no signal",
        "the signal is back after 0 s",
    ]
    assert not any("secret" in line for line in notices)
    assert all(capture.closed for capture in opener.opened if capture)


def test_a_stream_that_stays_lost_is_given_up_after_the_stated_attempts():
    notices = []
    opener = Opener([FakeCapture(3)])

    with pytest.raises(VideoError, match=r"no volvió \(intentos: 3\)"):
        list(frames_of(STREAM, live_options(notices, phrases=SPANISH), opener=opener))

    assert len(opener.opened) == 1 + 3
    assert [line[-8:] for line in notices] == ["(1 de 3)", "(2 de 3)", "(3 de 3)"]


def test_delays_double_up_to_a_limit():
    assert list(Reconnection(6, 1.0, 10.0).delays_s()) == [1, 2, 4, 8, 10, 10]
    assert math.fsum(Reconnection().delays_s()) == 1 + 2 + 4 + 8 + 16 + 30 * 3


class CountingCapture(FakeCapture):
    """A source whose frames tell their number."""

    count = 0

    def grab(self):
        self.count += 1
        return super().grab()

    def retrieve(self):
        # The whole count as bytes: an idle source reaches millions.
        return np.frombuffer(self.count.to_bytes(12, "big"), np.uint8).reshape(2, 2, 3)

    def wait_for(self, count):
        while self.count < count:
            time.sleep(0.001)


def number_of(image):
    return int.from_bytes(image.tobytes(), "big")


def test_a_slow_reader_sees_the_newest_frame():
    stopping = threading.Event()
    capture = CountingCapture(10**9)
    grabbed, seen = [], []
    for frame in frames_of(0, live_options([]), stopping, Opener([capture])):
        seen.append(number_of(frame.image))
        # Reading takes as long as five frames, however busy the machine is.
        grabbed.append(seen[-1] + 5)
        capture.wait_for(grabbed[-1])
        if len(seen) == 3:
            stopping.set()

    # What was grabbed meanwhile is skipped; a queue would give the next number.
    assert seen[1] >= grabbed[0] - 1
    assert seen[2] >= grabbed[1] - 1


def test_a_frame_that_came_before_it_was_asked_for_makes_no_later_one_old():
    capture = CountingCapture(10**9)
    grabber = _Grabber(lambda: capture, threading.Event())
    grabber.start()
    capture.wait_for(5)  # the first frame waits by now
    assert grabber.next_frame(5) is not None
    before = capture.count
    capture.wait_for(before + 5)
    assert number_of(grabber.next_frame(5)) >= before + 5
    grabber.close()


def test_stopping_ends_a_stream_at_once():
    stopping = threading.Event()
    frames = frames_of(0, live_options([]), stopping, Opener([FakeCapture(10**9)]))
    next(frames)
    stopping.set()
    assert list(frames) == []


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://admin:p@ss@10.0.0.2:554/1", "rtsp://***@10.0.0.2:554/1"),
        (
            "rtsp://10.0.0.2/user=admin&password=x_y&ch=1",
            "rtsp://10.0.0.2/user=***&password=***&ch=1",
        ),
        ("rtsp://10.0.0.2/1", "rtsp://10.0.0.2/1"),
        ("videos/a@b.mp4", "videos/a@b.mp4"),
        (0, "0"),
    ],
)
def test_addresses_are_shown_without_their_login(address, shown):
    assert shown_address(address) == shown


class MjpegCamera(BaseHTTPRequestHandler):
    """A network camera on the loopback that breaks off after twelve pictures."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        _, jpeg = cv2.imencode(".jpg", draw(10)[..., ::-1])
        part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
        for _ in range(12):
            self.wfile.write(part + jpeg.tobytes() + b"\r\n")
            time.sleep(0.02)

    def log_message(self, *_):
        pass


def test_a_real_network_camera_is_read_and_reconnected():
    notices = []
    options = StreamOptions(
        fps=0,
        timeouts=Timeouts(open_s=5.0, read_s=2.0),
        reconnection=Reconnection(attempts=3, first_delay_s=0.05),
        notify=notices.append,
    )
    stopping = threading.Event()
    frames = []
    with ThreadingHTTPServer(("127.0.0.1", 0), MjpegCamera) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for frame in frames_of(f"http://127.0.0.1:{server.server_port}/", options, stopping):
            frames.append(frame)
            if frame.after_gap:
                stopping.set()
        server.shutdown()

    assert len(frames) >= 2
    assert all(frame.image[50, 55, 0] > 200 and frame.image[50, 55, 2] < 100 for frame in frames)
    assert "signal lost" in notices[0]
    assert "signal is back" in notices[-1]
