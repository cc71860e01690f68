import math
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from lightning_plates.errors import VideoError
from lightning_plates.reading.video.capture import Timeouts
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
    frame_count: int | None = None
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
    assert f"frame {len(frames)} of {FRAMES}" in str(caught.value)


def test_a_whole_file_gives_no_notice(video):
    notices = []
    list(frames_of(video, StreamOptions(notify=notices.append)))
    assert notices == []


@pytest.mark.parametrize("content", [b"", b"not a video at all", b"\0" * 5000, None])
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
