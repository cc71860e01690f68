import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from lightning_plates.errors import OutputError
from lightning_plates.reading.video.annotated_video import AnnotatedVideo


def grey(value, width=65, height=49):
    return np.full((height, width, 3), value, dtype=np.uint8)


def read_back(path):
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    frames = []
    while True:
        decoded, image = capture.read()
        if not decoded:
            return frames, capture.get(cv2.CAP_PROP_FPS)
        frames.append(image[..., ::-1])


def test_frames_come_back_in_order_at_the_stated_rate(tmp_path):
    with AnnotatedVideo(tmp_path / "out.webm", fps=5) as video:
        for number in range(6):
            video.add(grey(40 * number), number / 5)

    frames, fps = read_back(tmp_path / "out.webm")
    assert fps == pytest.approx(5)
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 6
    assert [round(frame.mean() / 40) for frame in frames] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("fps", "written"), [(30000 / 1001, 29.97), (239.867, 239.87)])
def test_rates_that_phones_declare_can_be_written(tmp_path, fps, written):
    with AnnotatedVideo(tmp_path / "out.webm", fps=fps) as video:
        video.add(grey(10), 0)

    assert read_back(tmp_path / "out.webm")[1] == pytest.approx(written)


def test_colours_are_kept(tmp_path):
    red = grey(0)
    red[..., 0] = 220
    with AnnotatedVideo(tmp_path / "out.webm", fps=5) as video:
        video.add(red, 0)

    frames, _ = read_back(tmp_path / "out.webm")
    assert frames[0][..., 0].mean() > 180
    assert frames[0][..., 1:].mean() < 40


def test_a_slow_reader_keeps_the_pace_and_a_lost_signal_is_no_long_still(tmp_path):
    with AnnotatedVideo(tmp_path / "out.webm", fps=10) as video:
        for time_s in (100.0, 100.5, 101.0, 700.0):
            video.add(grey(90), time_s)

    frames, _ = read_back(tmp_path / "out.webm")
    # 1.1 s until the signal was lost, then at most a second of still.
    assert 20 <= len(frames) <= 23


def test_a_change_of_size_is_scaled(tmp_path):
    with AnnotatedVideo(tmp_path / "out.webm", fps=5) as video:
        video.add(grey(10), 0)
        video.add(grey(200, 130, 98), 0.2)

    frames, _ = read_back(tmp_path / "out.webm")
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 2


def test_a_failure_keeps_the_earlier_file_and_leaves_no_draft(tmp_path):
    target = tmp_path / "out.webm"
    target.write_bytes(b"earlier")

    def fail():
        with AnnotatedVideo(target, fps=5) as video:
            video.add(grey(10), 0)
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        fail()
    assert target.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [target]


def test_a_video_that_was_not_finished_is_not_put_in_place(tmp_path):
    def lose_the_draft():
        with AnnotatedVideo(tmp_path / "out.webm", fps=5) as video:
            video.add(grey(10), 0)
            video._writer.release()
            video._draft.write_bytes(b"")

    with pytest.raises(OutputError, match=r"out\.webm: the video could not be finished"):
        lose_the_draft()
    assert list(tmp_path.iterdir()) == []


def test_a_frame_of_one_pixel_can_be_written(tmp_path):
    with AnnotatedVideo(tmp_path / "out.webm", fps=5) as video:
        video.add(grey(90, 1, 1), 0)
    assert [frame.shape for frame in read_back(tmp_path / "out.webm")[0]] == [(16, 16, 3)]


def test_the_file_is_what_browsers_play(tmp_path):
    with AnnotatedVideo(tmp_path / "out.webm", fps=5) as video:
        video.add(grey(90), 0)
    head = (tmp_path / "out.webm").read_bytes()[:1024]
    assert head.startswith(b"\x1a\x45\xdf\xa3")
    assert b"\x42\x82\x84webm" in head  # the kind of document: not any Matroska
    assert b"V_VP8" in head


def test_a_comment_is_kept_and_shown_by_nobody(tmp_path):
    for name, comment in (("plain", b""), ("marked", b"a mark of forty bytes or a little more.")):
        with AnnotatedVideo(tmp_path / f"{name}.webm", 5, comment) as video:
            video.add(grey(90), 0)
    plain, marked = ((tmp_path / f"{name}.webm").read_bytes() for name in ("plain", "marked"))
    assert b"a mark of forty bytes or a little more." in marked[:1024]
    assert len(plain) == len(marked)
    assert len(read_back(tmp_path / "marked.webm")[0]) == 1


def test_nothing_is_printed_beside_our_own_lines(tmp_path, capfd):
    with AnnotatedVideo(tmp_path / "out.webm", fps=5) as video:
        video.add(grey(90), 0)
    sys.stderr.write("ours\n")
    assert capfd.readouterr() == ("", "ours\n")


def test_a_folder_whose_name_is_not_utf_8_is_written_to(tmp_path):
    target = tmp_path / os.fsdecode(b"\xe9") / "out.webm"
    with AnnotatedVideo(target, fps=5) as video:
        video.add(grey(90), 0)
    assert [path.name for path in target.parent.iterdir()] == ["out.webm"]
    assert b"V_VP8" in target.read_bytes()


def test_a_disk_that_fills_up_leaves_no_video(tmp_path):
    # In a process of its own: the limit of a file's size holds for all that follows.
    code = (
        "import resource, signal, sys\n"
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from lightning_plates.errors import OutputError\n"
        "from lightning_plates.reading.video.annotated_video import AnnotatedVideo\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "noise = np.random.default_rng(1)\n"
        "try:\n"
        "    with AnnotatedVideo(Path(sys.argv[1]), 10) as video:\n"
        "        for i in range(30):\n"
        "            video.add(noise.integers(0, 255, (120, 160, 3), np.uint8), i / 10)\n"
        "except OutputError as error: print(error)\n"
    )
    target = tmp_path / "out.webm"
    run = subprocess.run([sys.executable, "-c", code, target], capture_output=True, text=True)
    assert run.stdout == f"{target}: the video could not be finished; is the disk full?\n"
    assert list(tmp_path.iterdir()) == []


def test_no_frame_writes_nothing(tmp_path):
    with AnnotatedVideo(tmp_path / "out.webm", fps=5):
        pass
    assert list(tmp_path.iterdir()) == []
