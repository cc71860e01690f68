import struct

import cv2
import numpy as np
import pytest
from moving_plates import frame_of, save_video

from lightning_plates.reading.video.damage import ends_empty, lost_packets, missing_bytes


def box(kind, content=b"", size=None):
    return struct.pack(">I4s", 8 + len(content) if size is None else size, kind) + content


def save(tmp_path, *parts):
    path = tmp_path / "clip"
    path.write_bytes(b"".join(parts))
    return path


@pytest.mark.parametrize(
    ("codec", "ending"), [("MJPG", "avi"), ("mp4v", "mp4"), ("VP80", "webm"), ("MJPG", "mkv")]
)
def test_a_whole_file_lacks_nothing_and_a_cut_one_what_was_cut(tmp_path, codec, ending):
    path = save_video(tmp_path / f"clip.{ending}", [frame_of(i) for i in range(10)], codec)
    assert missing_bytes(path) == 0
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    if ending == "mp4":  # its index, which is gone, stands behind the media
        assert missing_bytes(path) > 0
    else:
        assert missing_bytes(path) == len(content) - len(content) * 2 // 3


@pytest.mark.parametrize(
    ("tail", "missing"),
    [
        (box(b"mdat", bytes(92)), 0),
        (box(b"mdat", bytes(92), size=300), 200),
        (box(b"mdat", bytes(92), size=0), 0),  # to the end of the file
        (box(b"mdat", struct.pack(">Q", 400) + bytes(84), size=1), 300),
        (box(b"mdat", bytes(92)) + box(b"SEFH", b"notes of a phone", size=9999), 0),
        (box(b"mdat", bytes(92)) + b"junk", 0),
    ],
)
def test_boxes_of_an_mp4_say_where_it_ends(tmp_path, tail, missing):
    path = save(tmp_path, box(b"ftyp", b"isom"), box(b"moov", bytes(50)), tail)
    assert missing_bytes(path) == missing


def test_a_recording_that_does_not_know_its_size_lacks_nothing(tmp_path):
    live_matroska = b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67\x01" + b"\xff" * 7 + bytes(90)
    assert missing_bytes(save(tmp_path, live_matroska)) == 0
    assert missing_bytes(save(tmp_path, b"RIFF\0\0\0\0AVI ", bytes(90))) == 0


def test_a_wmv_says_its_size(tmp_path):
    head = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(14)
    properties = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365") + bytes(24)
    path = save(tmp_path, head, properties, struct.pack("<Q", 500), bytes(100))
    assert missing_bytes(path) == 500 - path.stat().st_size


@pytest.fixture
def stream(tmp_path):
    """A transport stream as OpenCV writes it."""
    path = tmp_path / "clip.ts"
    noise = np.random.default_rng(7)
    frames = [noise.integers(0, 255, (120, 320, 3), np.uint8) for _ in range(8)]
    code = cv2.VideoWriter_fourcc(*"mpg2")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 10, (320, 120))
    if not writer.isOpened():
        pytest.skip("this OpenCV cannot write a transport stream")
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


def test_a_packet_that_is_lost_is_seen_and_a_recording_that_is_joined_is_not(stream):
    content = stream.read_bytes()
    assert len(content) > 188 * 100
    assert not lost_packets(stream)
    stream.write_bytes(content * 3)
    assert not lost_packets(stream)
    middle = len(content) // 188 // 2 * 188
    stream.write_bytes(content[:middle] + content[middle + 188 :])
    assert lost_packets(stream)
    assert missing_bytes(stream) == 0
    stream.write_bytes(content[:-100])
    assert missing_bytes(stream) == 100


def test_packets_with_time_codes_are_counted_too(stream):
    content = stream.read_bytes()
    packets = [bytes(4) + content[i : i + 188] for i in range(0, len(content), 188)]
    stream.write_bytes(b"".join(packets))
    assert not lost_packets(stream)
    stream.write_bytes(b"".join([*packets[:55], *packets[56:]]))
    assert lost_packets(stream)


def test_other_files_have_no_packets(tmp_path):
    assert not lost_packets(save(tmp_path, b"G" * 30))
    assert not lost_packets(save(tmp_path, bytes(4000)))


def test_zeros_at_the_end_are_an_empty_end(tmp_path):
    assert ends_empty(save(tmp_path, b"x", bytes(70_000)))
    assert not ends_empty(save(tmp_path, bytes(70_000), b"x"))
