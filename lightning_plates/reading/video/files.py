"""Video files, told from photos by their first bytes, and found in folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lightning_plates.files import read_head
from lightning_plates.photo_formats import photo_format

VIDEO_SUFFIXES = frozenset({
    ".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".vob", ".ts",
    ".mts", ".m2ts", ".wmv", ".asf", ".flv", ".dav", ".h264", ".264", ".h265", ".265", ".hevc",
    ".mjpeg", ".mjpg", ".ogv",
})  # fmt: skip
"""Endings that make a file a video where its first bytes do not say what it is."""

_SHARED_SUFFIXES = frozenset({".ts", ".mts"})
"""Endings of TypeScript, too: in a folder such a file must also begin as a video."""

_JPEG_STREAM_SUFFIXES = frozenset({".mjpeg", ".mjpg"})
"""Photos one after the other: nothing but the ending tells the first one from a single photo."""

HEAD_BYTES = 600
"""Bytes at the beginning of a file that tell its format: three packets of a transport stream."""

_START_CODE = rb"\0?\0\0\x01"
_RAW = re.compile(
    # H.264 (ITU-T H.264, table 7-1): parameter set, delimiter or supplement; H.265: likewise.
    _START_CODE + rb"(?:[\x27\x47\x67\x09\x06]|[\x40\x42\x46\x4e]\x01)|\xff\xd8\xff",
    re.DOTALL,
)
_CONTAINERS = re.compile(
    rb"....(?:ftyp(?!crx )|moov|mdat|wide|skip|pnot)"  # MP4, QuickTime, 3GP; not Canon's photos
    rb"|RIFF....AVI "
    rb"|\x1a\x45\xdf\xa3"  # Matroska, WebM
    rb"|FLV\x01"
    rb"|\x30\x26\xb2\x75\x8e\x66\xcf\x11"  # ASF: WMV
    rb"|\0\0\x01[\xba\xb3]"  # MPEG program or video stream
    rb"|G.{187}G.{187}G|.{4}G.{191}G.{191}G"  # transport stream; with time codes as on Blu-ray
    rb"|DHAV|IMKH",  # recorders of Dahua and Hikvision
    re.DOTALL,
)


def is_video(path: Path) -> bool:
    """Whether ``path`` is read as a video: by its first bytes, or else by its ending."""
    return _is_video(_try_head(path), path.suffix.lower())


def split_videos(files: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Those of ``files`` that are no videos, and the videos; both in their order."""
    photos: list[Path] = []
    videos: list[Path] = []
    for file in files:
        (videos if is_video(file) else photos).append(file)
    return photos, videos


def is_raw(path: Path) -> bool:
    """Whether ``path`` is a stream without a container, which keeps no time of its frames."""
    return _RAW.match(_try_head(path)) is not None


def has_container(path: Path) -> bool:
    """Whether ``path`` begins as a container of video does."""
    return _CONTAINERS.match(_try_head(path)) is not None


def videos_below(folder: Path) -> list[Path]:
    """Videos below ``folder``, recursively, sorted by path; links to folders are not followed."""
    return sorted(file for file in _files_below(folder) if _is_video_in_folder(file))


def _is_video(head: bytes, ending: str) -> bool:
    if photo_format(head) is not None:
        return ending in _JPEG_STREAM_SUFFIXES
    return bool(_CONTAINERS.match(head) or _RAW.match(head)) or ending in VIDEO_SUFFIXES


def _is_video_in_folder(file: Path) -> bool:
    ending = file.suffix.lower()
    return _is_video(_try_head(file), "" if ending in _SHARED_SUFFIXES else ending)


def _files_below(folder: Path) -> Iterator[Path]:
    """Files but hidden ones; who looks for photos says which subfolders cannot be read."""
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names if not name.startswith("."))


def _try_head(file: Path) -> bytes:
    """The first bytes of a file; none where it cannot be read, or is a pipe or device."""
    try:
        return read_head(file, HEAD_BYTES)
    except OSError:
        return b""
