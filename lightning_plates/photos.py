"""Photo files: find them, decode any of them to upright RGB, write JPEG."""

from __future__ import annotations

import contextlib
import math
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from lightning_plates.errors import InputError, PhotoError
from lightning_plates.optional import require
from lightning_plates.photo_phrases import ENGLISH, PhotoPhrases

RgbImage: TypeAlias = NDArray[np.uint8]
"""An upright photo: RGB, shape ``(H, W, 3)``."""

HEIC_SUFFIXES = frozenset({".heic", ".heif"})
PHOTO_SUFFIXES = HEIC_SUFFIXES | {
    ".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm",
}  # fmt: skip
"""Endings that a folder is searched for; a file named by the user is opened whatever its ending."""

_ORIENTATION_TAG = 0x0112
"""EXIF 2.32, table 4: 1 is upright; 5 to 8 swap width and height."""
_DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, EOFError, RuntimeError, MemoryError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow's decoders raise on damaged files (``SyntaxError`` for PNG, ``RuntimeError`` for
AVIF, which phones save under any ending), or where the memory does not hold a photo."""


def find_photos(folder: Path, words: PhotoPhrases = ENGLISH) -> list[Path]:
    """Photos below ``folder``, recursively, sorted by path.

    Standard error names the subfolders that cannot be read; links to folders are not followed.

    Args:
        folder: Where to look.
        words: Language of the errors.

    Raises:
        InputError: ``folder`` is not a folder, cannot be read or holds no photo.
    """
    if not folder.is_dir():
        raise InputError(words.not_a_folder.format(name=folder))
    files = _files_below(folder, words)
    photos = sorted(file for file in files if file.suffix.lower() in PHOTO_SUFFIXES)
    if not photos:
        known = " ".join(sorted(PHOTO_SUFFIXES))
        raise InputError(words.no_photos.format(name=folder, known=known))
    return photos


def _files_below(folder: Path, words: PhotoPhrases) -> Iterator[Path]:
    """Not by :meth:`pathlib.Path.rglob`, which leaves out in silence what cannot be read."""

    def report(error: OSError) -> None:
        place, reason = Path(error.filename), error.strerror or error
        line = words.unreadable.format(name=place, reason=reason)
        if place == folder:
            raise InputError(line) from error
        print(line, file=sys.stderr)

    for place, _, names in os.walk(folder, onerror=report):
        yield from (Path(place, name) for name in names)


@dataclass(frozen=True, slots=True)
class PhotoHeader:
    """Size of a photo as its file has it, before its EXIF orientation is applied."""

    width: int
    """Pixels, as stored."""
    height: int
    """Pixels, as stored."""
    orientation: int
    """EXIF orientation, 1–8; 1 is upright."""

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of what :func:`load_photo` returns."""
        turned = self.orientation in {5, 6, 7, 8}
        return (self.height, self.width) if turned else (self.width, self.height)


def read_header(path: Path) -> PhotoHeader:
    """Read a photo's size and orientation without decoding its pixels.

    Raises:
        PhotoError: The file is missing, not a photo, or a decompression bomb.
        MissingDependencyError: A HEIC file without the extra ``heic``.
    """
    data = _read_file(path, ENGLISH)
    with _reporting(str(path), ENGLISH), _open_image(data, ENGLISH) as image:
        orientation = int(image.getexif().get(_ORIENTATION_TAG, 1))
        known = orientation if 1 <= orientation <= 8 else 1
        return PhotoHeader(image.width, image.height, known)


def load_photo(path: Path, words: PhotoPhrases = ENGLISH) -> RgbImage:
    """Decode a photo and turn it upright.

    JPEG, PNG, GIF (first frame), WebP, BMP, TIFF and, with the extra ``heic``, HEIC; grey,
    16-bit, CMYK, palette and transparent (on white) files; EXIF orientation is applied.

    Args:
        path: The photo.
        words: Language of the errors.

    Returns:
        RGB, shape ``(H, W, 3)``.

    Raises:
        PhotoError: The file is missing, not a photo, damaged, or has more than
            Pillow's limit of pixels (about 89 million: a decompression bomb).
        MissingDependencyError: A HEIC file without the extra ``heic``.
    """
    return decode_photo(_read_file(path, words), str(path), words)


def decode_photo(data: bytes, name: str, words: PhotoPhrases = ENGLISH) -> RgbImage:
    """Decode the bytes of a photo file; see :func:`load_photo`.

    Args:
        data: Content of the file.
        name: What error messages call it.
        words: Language of the errors.
    """
    with _reporting(name, words), _open_image(data, words) as image:
        # Copies of a dozen megapixels, one for each photo that is read at a time, fill a board.
        ImageOps.exif_transpose(image, in_place=True)
        return np.asarray(_to_rgb(image), dtype=np.uint8)


def _read_file(path: Path, words: PhotoPhrases) -> bytes:
    if path.suffix.lower() in HEIC_SUFFIXES:
        require("pi_heif", extra="heic").register_heif_opener()
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise PhotoError(words.missing.format(name=path)) from error
    except IsADirectoryError as error:
        raise PhotoError(words.not_a_file.format(name=path)) from error
    except PermissionError as error:
        raise PhotoError(words.no_permission.format(name=path)) from error
    except OSError as error:
        reason = error.strerror or error
        raise PhotoError(words.unreadable.format(name=path, reason=reason)) from error


@contextlib.contextmanager
def _reporting(name: str, words: PhotoPhrases) -> Iterator[None]:
    """Turn what Pillow raises on a bad file into one line about ``name``."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise PhotoError(words.not_a_photo.format(name=name)) from error
    except Image.DecompressionBombError as error:
        limit = Image.MAX_IMAGE_PIXELS
        raise PhotoError(words.too_many_pixels.format(name=name, limit=limit)) from error
    except _DECODING_ERRORS as error:
        raise PhotoError(words.damaged.format(name=name, reason=error)) from error


@contextlib.contextmanager
def _open_image(data: bytes, words: PhotoPhrases) -> Iterator[Image.Image]:
    if not data:
        raise ValueError(words.empty)
    with warnings.catch_warnings():
        # Odd EXIF blocks are common in phone photos and harmless.
        warnings.simplefilter("ignore")
        with Image.open(BytesIO(data)) as image:
            # Not by Pillow's warning: threads share the filters of warnings.
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or math.inf):
                raise Image.DecompressionBombError
            yield image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _scale_to_8_bit(image).convert("RGB")
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _scale_to_8_bit(image: Image.Image) -> Image.Image:
    """16-bit grey files use 0–65535, but 10- and 12-bit cameras only its low end: take the peak.

    Files of floats, as scientific cameras and image libraries write them, mostly use 0–1.
    """
    values = np.asarray(image, dtype=np.float64)
    peak = float(values.max(initial=0.0))
    limits = (1.0, 255.0, 1023.0, 4095.0) if image.mode == "F" else (255.0, 1023.0, 4095.0)
    full_scale = next((limit for limit in limits if peak <= limit), 65535.0)
    return Image.fromarray(np.clip(values / full_scale * 255.0, 0, 255).astype(np.uint8))


def encode_jpeg(image: RgbImage, quality: int = 92, comment: bytes = b"") -> bytes:
    """Encode RGB ``image``, shape ``(H, W, 3)``, as JPEG of ``quality`` (1–95)."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, format="JPEG", quality=quality, comment=comment)
    return buffer.getvalue()
