import os

import numpy as np
import pytest
from moving_plates import frame_of, save_video
from PIL import Image

from lightning_plates.reading.video.files import is_raw, is_video, split_videos, videos_below

FTYP = b"\0\0\0\x18ftyp"
TRANSPORT = b"".join(b"G" + bytes(187) for _ in range(4))
JPEG = b"\xff\xd8\xff\xe0" + bytes(20)


@pytest.mark.parametrize(
    "head",
    [
        FTYP + b"isom" + bytes(20),
        FTYP + b"qt  " + bytes(20),
        FTYP + b"3gp4" + bytes(20),
        b"\0\0\x10\0moov" + bytes(20),
        b"RIFF\0\0\0\0AVI LIST",
        b"\x1a\x45\xdf\xa3" + bytes(20),
        b"FLV\x01" + bytes(20),
        bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
        b"\0\0\x01\xba" + bytes(20),
        TRANSPORT,
        b"".join(bytes(4) + b"G" + bytes(187) for _ in range(4)),
        b"DHAV\xfd" + bytes(20),
        b"IMKH" + bytes(20),
        b"\0\0\0\x01\x67\x42\0\x0a" + bytes(20),
        b"\0\0\x01\x09\xf0" + bytes(20),
        b"\0\0\0\x01\x40\x01\x0c" + bytes(20),
    ],
)
@pytest.mark.parametrize("ending", [".jpg", "", ".bin"])
def test_a_video_is_known_by_its_content(tmp_path, head, ending):
    path = tmp_path / f"clip{ending}"
    path.write_bytes(head)
    assert is_video(path)


@pytest.mark.parametrize(
    "head",
    [
        JPEG,
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\0\0\0\0WEBPVP8 ",
        FTYP + b"heic" + bytes(20),
        FTYP + b"avif" + bytes(20),
        FTYP + b"mif1" + bytes(20),
    ],
)
def test_a_photo_named_as_a_video_is_a_photo(tmp_path, head):
    path = tmp_path / "photo.mp4"
    path.write_bytes(head)
    assert not is_video(path)


@pytest.mark.parametrize(
    "ending", ["mp4", "dav", "mts", "3gp", "wmv", "flv", "h264", "h265", "mjpeg", "TS"]
)
def test_what_says_nothing_goes_by_its_ending(tmp_path, ending):
    path = tmp_path / f"clip.{ending}"
    path.write_bytes(b"hello")
    assert is_video(path)
    assert not is_video(path.with_suffix(".jpg"))


def test_photos_one_after_the_other_are_told_by_the_ending(tmp_path):
    stream = tmp_path / "clip.mjpeg"
    stream.write_bytes(JPEG * 3)
    assert is_video(stream)
    assert is_raw(stream)


def test_a_pipe_is_never_opened(tmp_path):
    for name in ("clip.mp4", "photo.jpg"):
        os.mkfifo(tmp_path / name)
    assert is_video(tmp_path / "clip.mp4")
    assert not is_video(tmp_path / "photo.jpg")


def test_a_mixed_folder_is_taken_apart(tmp_path):
    deep = tmp_path / "deep"
    deep.mkdir()
    clip = save_video(deep / "clip.avi", [frame_of(0)])
    lying = tmp_path / "lying.jpg"
    lying.write_bytes(clip.read_bytes())
    photo = tmp_path / "photo.png"
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(photo)
    (tmp_path / "program.ts").write_text("export const x = 1;\n")
    (tmp_path / ".hidden.mp4").write_bytes(clip.read_bytes())
    assert videos_below(tmp_path) == [clip, lying]
    assert split_videos([lying, photo, clip]) == ([photo], [lying, clip])
