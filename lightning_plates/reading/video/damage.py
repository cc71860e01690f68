"""Evidence that a video file is cut or damaged, from the sizes and counters that it carries.

The number of frames that a container declares is no evidence: it counts frames that an edit hides,
or is an estimate from a mean rate.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from lightning_plates.files import read_head

_HEAD_BYTES = 8192
_MOST_BOXES = 1_000_000
"""Boxes of an MP4 file that are followed: a fragmented day at one a second has 200,000."""
_MEDIA_BOXES = frozenset({b"ftyp", b"moov", b"moof", b"mdat"})
"""ISO/IEC 14496-12: what must be whole; some cameras append notes of their own behind it."""

_SEGMENT = b"\x18\x53\x80\x67"
"""Matroska: the element that holds everything after the header."""
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_NO_SIZE_YET = (0, 0xFFFFFFFF)
"""What a recorder writes into an AVI before it knows the size."""

_TAIL_BYTES = 65536
_PACKETS_AT_ONCE = 200_000
_NULL_PID = 0x1FFF


def missing_bytes(path: Path) -> int:
    """Bytes that the sizes in a file's container promise beyond its end; 0 where it has none."""
    size = path.stat().st_size
    head = read_head(path, _HEAD_BYTES)
    if head[:4] == b"RIFF":
        return _over(_riff_end(head), size)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return _over(_matroska_end(head), size)
    if head[:4] == b"\x30\x26\xb2\x75":
        return _over(_asf_end(head), size)
    if head[4:8] in _MEDIA_BOXES | {b"wide", b"skip", b"free"}:
        with path.open("rb") as file:
            return _over(_last_box_end(file, size), size)
    stride, _ = _packet_layout(head)
    return -size % stride if stride else 0


def ends_empty(path: Path) -> bool:
    """Whether the last part of a file is zeros, as of a sparse or never finished one.

    FFmpeg takes zeros at the end of a stream without a container into memory as one frame.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return not any(file.read(_TAIL_BYTES))


def lost_packets(path: Path) -> bool:
    """Whether packets are missing within a transport stream.

    Every packet carries a counter of its stream (ISO/IEC 13818-1, 2.4.3.3). A recording that was
    joined to another starts it at 0 anew, which is no loss.
    """
    stride, offset = _packet_layout(read_head(path, _HEAD_BYTES))
    if not stride:
        return False
    with path.open("rb") as file:
        while data := file.read(stride * _PACKETS_AT_ONCE):
            rows = np.frombuffer(data, np.uint8, len(data) // stride * stride)
            if _counters_break(rows.reshape(-1, stride)[:, offset:]):
                return True
    return False


def _packet_layout(head: bytes) -> tuple[int, int]:
    """Bytes a packet of a transport stream, and before its sync byte; zeros where it is none."""
    layouts = ((188, 0), (192, 4))
    return next((one for one in layouts if head[one[1] :: one[0]][:3] == b"GGG"), (0, 0))


def _over(end: int, size: int) -> int:
    return max(0, end - size)


def _riff_end(head: bytes) -> int:
    size = int.from_bytes(head[4:8], "little")
    return 0 if size in _NO_SIZE_YET else size + 8


def _matroska_end(head: bytes) -> int:
    start = head.find(_SEGMENT)
    if start < 0 or start + 12 > len(head):
        return 0
    first = head[start + 4]
    length = 9 - first.bit_length()
    bits = 7 * length
    size = int.from_bytes(head[start + 4 : start + 4 + length], "big") & ((1 << bits) - 1)
    is_unknown = length > 8 or size == (1 << bits) - 1
    return 0 if is_unknown else start + 4 + length + size


def _asf_end(head: bytes) -> int:
    start = head.find(_ASF_FILE_PROPERTIES)
    # The object's own size and an identifier of 16 bytes stand before the size of the file.
    return int.from_bytes(head[start + 40 : start + 48], "little") if start >= 0 else 0


def _last_box_end(file: BinaryIO, size: int) -> int:
    """Where the boxes of an MP4 file end by their own sizes; 0 where the last is no media."""
    place = 0
    for _ in range(_MOST_BOXES):
        file.seek(place)
        header = file.read(16)
        length, kind = int.from_bytes(header[:4], "big"), header[4:8]
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if place + length > size:
            return place + length if kind in _MEDIA_BOXES else 0
        if len(header) < 8 or length < 8:
            return 0
        place += length
    return 0


def _counters_break(packets: NDArray[np.uint8]) -> bool:
    """Whether a counter jumps within packets, shape ``(packets, 184 or more)``."""
    packets = packets[packets[:, 0] == ord("G")]
    pid = (packets[:, 1].astype(np.int32) & 0x1F) << 8 | packets[:, 2]
    counts = (packets[:, 3] & 0x10) != 0  # only packets with a payload are counted
    announced = ((packets[:, 3] & 0x20) != 0) & (packets[:, 4] > 0) & ((packets[:, 5] & 0x80) != 0)
    order = np.argsort(pid, kind="stable")
    order = order[(counts & (pid != _NULL_PID))[order]]
    pid, counter, announced = pid[order], packets[order, 3] & 0x0F, announced[order]
    step = (counter[1:].astype(np.int8) - counter[:-1]) % 16
    is_jump = (pid[1:] == pid[:-1]) & (step > 1) & (counter[1:] != 0) & ~announced[1:]
    return bool(is_jump.any())
