"""Photo formats, recognised by the first bytes of a file, or by its ending."""

from __future__ import annotations

import re

HEIC_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
PHOTO_SUFFIXES = HEIC_SUFFIXES | {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".webp", ".avif", ".jp2", ".bmp",
    ".tif", ".tiff", ".ppm", ".pgm",
}  # fmt: skip
"""Endings whose files are photos unless they prove damaged; others are looked into."""

OTHER_SUFFIXES = frozenset({
    ".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".html", ".py",
    ".log", ".db", ".ini", ".zip", ".gz", ".tar", ".7z", ".rar", ".npy", ".npz", ".onnx", ".ckpt",
    ".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts",
    ".3gp", ".3g2", ".vob", ".wmv", ".asf", ".flv", ".dav", ".h264", ".264", ".h265", ".265",
    ".hevc", ".mjpeg", ".mjpg", ".ogv", ".wav", ".mp3",
})  # fmt: skip
"""Endings that lie beside photos and are none: not looked into, nor counted as left out."""

HEAD_BYTES = 64
"""Bytes at the beginning of a file that tell its format."""

_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
"""ISO/IEC 23008-12, annex B: ``mif1`` and ``msf1`` do not say how the picture is coded."""
_BEGINNINGS = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "GIF": rb"GIF8[79]a",
    "WEBP": rb"RIFF....WEBP",
    "BMP": rb"BM....\0\0\0\0",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "PPM": rb"P[1-6][\s#]",
    "JPEG2000": rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n",
}
_FORMATS = {name: re.compile(pattern, re.DOTALL) for name, pattern in _BEGINNINGS.items()}
_CAMERA_SUFFIXES = re.compile(r"\.(dng|nef|nrw|arw|sr2|cr2|pef|srw|orf|rw2|3fr|iiq|erf|raw)$")
"""Raw files are TIFF outside, and what decodes of them is a preview of a few pixels."""
_NO_TEXT = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")


def photo_format(head: bytes) -> str | None:
    """Pillow's name for the format of a file that begins with ``head``; ``None``: not a photo.

    Formats that start another program (EPS) or that only draw (PDF, WMF) are no photos.
    """
    if head[4:8] == b"ftyp":
        return _container_format(head)
    return next((name for name, start in _FORMATS.items() if start.match(head)), None)


def is_camera_raw(name: str) -> bool:
    """Whether ``name`` ends as the raw files of cameras do."""
    return _CAMERA_SUFFIXES.search(name.lower()) is not None


def is_text(head: bytes) -> bool:
    """Whether ``head`` holds no byte that texts do not have."""
    return _NO_TEXT.search(head) is None


def _container_format(head: bytes) -> str | None:
    """AVIF and HEIC share a container; only its list of brands tells them apart."""
    brands = {head[start : start + 4] for start in range(8, min(len(head), head[3]), 4)}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIF" if brands & _HEIC_BRANDS else None
