"""Photo files: find them, decode any of them to upright RGB, write JPEG."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import struct
import sys
import warnings
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

from lightning_plates.boxes import BoxXyxy, scale_box
from lightning_plates.errors import InputError, MissingDependencyError, PhotoError
from lightning_plates.files import (
    FileTooLargeError,
    NotRegularFileError,
    photo_limit,
    read_bytes,
    read_head,
)
from lightning_plates.optional import require
from lightning_plates.photo_formats import (
    HEAD_BYTES,
    OTHER_SUFFIXES,
    PHOTO_SUFFIXES,
    is_camera_raw,
    is_text,
    photo_format,
)
from lightning_plates.photo_phrases import ENGLISH, PhotoPhrases

RgbImage: TypeAlias = NDArray[np.uint8]
"""An upright photo: RGB, shape ``(H, W, 3)``."""

_ORIENTATION_TAG = 0x0112
"""EXIF 2.32, table 4: 1 is upright; 5 to 8 swap width and height."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a photo of each EXIF orientation upright."""
_JPEG_PIXEL_FACTOR = 2.5
"""JPEG files may have so many times Pillow's limit of pixels, because libjpeg decodes them at a
half or less: 224 million, for phones of 108 and 200. A progressive one of that size takes 1.7 GB
while it is decoded, at most; the largest PNG that Pillow allows takes 0.6."""
_REDUCTIONS = (1, 2, 4, 8)
"""Sizes at which libjpeg decodes: a half, a quarter or an eighth."""
_MOST_MISSING = 0.5
"""Share of a cut JPEG's rows that may be missing: with less than half of it, "no plate found" says
nothing about the photo."""
_UNDECODED = 128
"""Value in every channel of the blocks that libjpeg has no data for."""
_JPEG_END = b"\xff\xd9"
_APPLE_PREFIX, _APPLE_FOLDER = "._", "__MACOSX"
"""Where macOS puts what other systems' files cannot hold, in archives for instance."""
_DECODING_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, EOFError, RuntimeError, MemoryError, struct.error,
    zlib.error,
)  # fmt: skip
"""What Pillow's decoders raise on damaged files (``SyntaxError`` for PNG, ``TypeError`` for odd
tags of TIFF, ``RuntimeError`` for AVIF, which phones save under any ending), or where the memory
does not hold a photo."""


def find_photos(
    folder: Path, words: PhotoPhrases = ENGLISH, read_otherwise: Collection[Path] = ()
) -> list[Path]:
    """Photos below ``folder``, recursively, sorted by path.

    Standard error names the subfolders that cannot be read, and says how many files were left out
    that are neither photos nor what usually lies beside them; links to folders are not followed.

    Args:
        folder: Where to look.
        words: Language of the errors.
        read_otherwise: Files that are no photos and not left out either, such as videos.

    Raises:
        InputError: ``folder`` is not a folder, cannot be read or holds no photo.
    """
    if not folder.is_dir():
        raise InputError(words.not_a_folder.format(name=folder))
    left_out: Counter[str] = Counter()
    photos = photos_below(folder, words, left_out)
    left_out -= Counter(file.suffix.lower() for file in read_otherwise)
    if not photos:
        known = " ".join(sorted(PHOTO_SUFFIXES))
        raise InputError(words.no_photos.format(name=folder, known=known))
    if left_out:
        endings = ", ".join(f"{count} {ending or '–'}" for ending, count in left_out.most_common(8))
        shown = {"count": left_out.total(), "endings": endings}
        print(words.left_out.format(name=folder, **shown), file=sys.stderr)
    return photos


def photos_below(
    folder: Path, words: PhotoPhrases = ENGLISH, left_out: Counter[str] | None = None
) -> list[Path]:
    """Photos below ``folder``, sorted by path: by their ending or, where it is unusual, content.

    Args:
        folder: Where to look.
        words: Language of the errors.
        left_out: Counts by ending what could have been a photo and is none.

    Raises:
        InputError: ``folder`` cannot be read.
    """
    found: list[Path] = []
    unknown: Counter[str] = Counter() if left_out is None else left_out
    for place, name in _files_below(folder, words):
        ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 -- paths cost ten times as much
        if ending in PHOTO_SUFFIXES:
            found.append(Path(place, name))
        elif ending not in OTHER_SUFFIXES and not name.startswith("."):
            head = _try_head(Path(place, name))
            if photo_format(head) and not is_camera_raw(ending):
                found.append(Path(place, name))
            elif not is_text(head):
                unknown[ending] += 1
    return sorted(found)


def _try_head(file: Path) -> bytes:
    """The first bytes of a file; what is no text for one that cannot be read."""
    try:
        return read_head(file, HEAD_BYTES)
    except OSError:
        return b"\0"


def _files_below(folder: Path, words: PhotoPhrases) -> Iterator[tuple[str, str]]:
    """Folders and names.

    Not by :meth:`pathlib.Path.rglob`, which leaves out in silence what cannot be read.
    """

    def report(error: OSError) -> None:
        place, reason = Path(error.filename), error.strerror or error
        line = words.unreadable.format(name=place, reason=reason)
        if place == folder:
            raise InputError(line) from error
        print(line, file=sys.stderr)

    for place, folders, names in os.walk(folder, onerror=report):
        folders[:] = [name for name in folders if name != _APPLE_FOLDER]
        yield from ((place, name) for name in names if not name.startswith(_APPLE_PREFIX))


@dataclass(frozen=True, slots=True)
class PhotoHeader:
    """Size of a photo as its file has it, before its EXIF orientation is applied."""

    width: int
    """Pixels, as stored."""
    height: int
    """Pixels, as stored."""
    orientation: int
    """EXIF orientation, 1–8; 1 is upright."""
    reduction: int = 1
    """How many stored pixels make one of :func:`load_photo` in each direction: 1, 2, 4 or 8."""

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the photo as it is seen."""
        turned = self.orientation in {5, 6, 7, 8}
        return (self.height, self.width) if turned else (self.width, self.height)

    @property
    def decoded_size(self) -> tuple[int, int]:
        """Width and height of what :func:`load_photo` returns."""
        width, height = (-(-side // self.reduction) for side in self.upright_size)
        return width, height


@dataclass(frozen=True, slots=True)
class Photo:
    """A decoded photo."""

    image: RgbImage
    """RGB, shape ``(H, W, 3)``; of very large JPEG files a half, a quarter or an eighth."""
    size: tuple[int, int]
    """Width and height in pixels of the photo itself, upright."""

    def to_original(self, box: BoxXyxy) -> BoxXyxy:
        """A box of :attr:`image` in pixels of the photo itself."""
        return scale_box(box, *self.reduction)

    def to_image(self, box: BoxXyxy) -> BoxXyxy:
        """A box of the photo itself in pixels of :attr:`image`."""
        across, down = self.reduction
        return scale_box(box, 1 / across, 1 / down)

    @property
    def reduction(self) -> tuple[float, float]:
        """Pixels of the photo itself that one of :attr:`image` spans, across and down."""
        height, width = self.image.shape[:2]
        return self.size[0] / width, self.size[1] / height


def read_header(path: Path) -> PhotoHeader:
    """Read a photo's size and orientation without decoding its pixels.

    Raises:
        PhotoError: The file is missing, not a photo, or a decompression bomb.
        MissingDependencyError: A HEIC file without the extra ``heic``.
    """
    data = _read_file(path, ENGLISH)
    with _reporting(str(path), ENGLISH), _open_image(data, ENGLISH) as image:
        return _header(image)


def load_photo(path: Path, words: PhotoPhrases = ENGLISH) -> RgbImage:
    """Decode a photo and turn it upright: the ``image`` of :func:`open_photo`."""
    return open_photo(path, words).image


def load_or_skip(path: Path, words: PhotoPhrases = ENGLISH) -> RgbImage | None:
    """Decode a photo; one that cannot be read is named on standard error, and is ``None``."""
    try:
        return load_photo(path, words)
    except (PhotoError, MissingDependencyError) as error:
        _say_once(words.skipped.format(problem=error))
        return None


def open_photo(path: Path, words: PhotoPhrases = ENGLISH) -> Photo:
    """Decode a photo and turn it upright.

    JPEG, PNG, GIF (first frame), WebP, BMP, TIFF, AVIF, JPEG 2000 and, with the extra ``heic``,
    HEIC; grey, 16-bit, CMYK, palette and transparent (on white) files; EXIF orientation is
    applied. A JPEG of more than Pillow's limit of pixels (about 89 million) is decoded at half
    its size or less. One whose end is missing is read as far as it goes, and standard error says
    so.

    Args:
        path: The photo.
        words: Language of the errors.

    Raises:
        PhotoError: The file is missing, no regular file, over the limit of bytes, not a photo,
            damaged, or has too many pixels (a decompression bomb).
        MissingDependencyError: A HEIC file without the extra ``heic``.
    """
    return decode_photo(_read_file(path, words), str(path), words)


def decode_photo(data: bytes, name: str, words: PhotoPhrases = ENGLISH) -> Photo:
    """Decode the bytes of a photo file and turn it upright; see :func:`open_photo`.

    Args:
        data: Content of the file.
        name: What error messages call it.
        words: Language of the errors.
    """
    if photo_format(data[:HEAD_BYTES]) == "HEIF":
        require("pi_heif", extra="heic").register_heif_opener()
    with _reporting(name, words), _open_image(data, words) as image:
        header = _header(image)
        _load(image, header, name, words)
        upright = _turn_upright(image)
        return Photo(np.asarray(_to_rgb(upright), dtype=np.uint8), header.upright_size)


def photo_of(image: RgbImage | Image.Image) -> Photo:
    """A photo that another program has decoded.

    Args:
        image: RGB pixels of shape ``(H, W, 3)``, or a Pillow image, which is turned upright.

    Raises:
        PhotoError: The pixels have another shape or type.
    """
    if isinstance(image, Image.Image):
        # Turning upright closes what it turned; the caller's image stays open.
        pixels = np.asarray(_to_rgb(_turn_upright(image.copy())), dtype=np.uint8)
    else:
        pixels = image
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise PhotoError(
            f"pixels of shape {pixels.shape} and type {pixels.dtype}: "
            "expected RGB of shape (H, W, 3) and type uint8"
        )
    return Photo(pixels, (pixels.shape[1], pixels.shape[0]))


def _read_file(path: Path, words: PhotoPhrases) -> bytes:
    try:
        head = read_head(path, HEAD_BYTES)
        found = photo_format(head)
        if head and found is None:  # a file of gigabytes need not be read to know that
            raise PhotoError(words.not_a_photo.format(name=path))
        data = read_bytes(path, photo_limit())
    except FileNotFoundError as error:
        raise PhotoError(words.missing.format(name=path)) from error
    except IsADirectoryError as error:
        raise PhotoError(words.not_a_file.format(name=path)) from error
    except PermissionError as error:
        raise PhotoError(words.no_permission.format(name=path)) from error
    except NotRegularFileError as error:
        raise PhotoError(words.not_regular.format(name=path)) from error
    except FileTooLargeError as error:
        sizes = {"size": f"{error.size_mb:.0f}", "limit": f"{error.limit_mb:g}"}
        raise PhotoError(words.too_large.format(name=path, **sizes)) from error
    except OSError as error:
        reason = error.strerror or error
        raise PhotoError(words.unreadable.format(name=path, reason=reason)) from error
    return data


@contextlib.contextmanager
def _reporting(name: str, words: PhotoPhrases) -> Iterator[None]:
    """Turn what Pillow raises on a bad file into one line about ``name``."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise PhotoError(words.not_a_photo.format(name=name)) from error
    except Image.DecompressionBombError as error:
        millions = (Image.MAX_IMAGE_PIXELS or math.inf) / 1e6
        limits = {"limit": f"{millions:.0f}", "jpeg": f"{millions * _JPEG_PIXEL_FACTOR:.0f}"}
        raise PhotoError(words.too_many_pixels.format(name=name, **limits)) from error
    except _DECODING_ERRORS as error:
        reason = " ".join(str(error).split())
        raise PhotoError(words.damaged.format(name=name, reason=reason)) from error


@contextlib.contextmanager
def _open_image(data: bytes, words: PhotoPhrases) -> Iterator[Image.Image]:
    if not data:
        raise ValueError(words.empty)
    found = photo_format(data[:HEAD_BYTES])
    with warnings.catch_warnings():
        # Odd EXIF blocks are common in phone photos and harmless.
        warnings.simplefilter("ignore")
        with _open_as(found, data) as image:
            # Not by Pillow's warning: threads share the filters of warnings.
            factor = _JPEG_PIXEL_FACTOR if found == "JPEG" else 1
            if image.width * image.height > (Image.MAX_IMAGE_PIXELS or math.inf) * factor:
                raise Image.DecompressionBombError
            yield image


def _open_as(found: str | None, data: bytes) -> Image.Image:
    """Open by one decoder alone: some of Pillow's start other programs, Ghostscript for EPS."""
    if found == "JPEG":
        return _CuttableJpeg(BytesIO(data))
    if found not in Image.OPEN:
        Image.init()
    if found not in Image.OPEN:
        raise UnidentifiedImageError
    return Image.open(BytesIO(data), formats=[found])


class _CuttableJpeg(JpegImageFile):
    """A JPEG file that is decoded as far as it goes.

    Pillow's switch for that, ``LOAD_TRUNCATED_IMAGES``, holds for all threads and formats.
    """

    is_cut = False
    """Whether its data ended before the picture did."""

    def load_read(self, read_bytes: int) -> bytes:
        """Give the decoder an end where the file has none."""
        block: bytes = super().load_read(read_bytes)
        if block or self.is_cut:
            return block
        self.is_cut = True
        return _JPEG_END


def _header(image: Image.Image) -> PhotoHeader:
    width, height = image.size
    if isinstance(image, TiffImageFile):  # newer versions of Pillow give the upright size here
        width, height = image.tag_v2[IMAGEWIDTH], image.tag_v2[IMAGELENGTH]
    return PhotoHeader(width, height, _orientation(image), _reduction(width * height))


def _orientation(image: Image.Image) -> int:
    found = image.getexif().get(_ORIENTATION_TAG)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _turn_upright(image: Image.Image) -> Image.Image:
    """Not by Pillow's ``exif_transpose``, which writes the EXIF block anew and fails on odd ones.

    ``image`` is closed if it has to be turned: copies of a dozen megapixels, one for each photo
    that is read at a time, fill a board.
    """
    method = _TURNS.get(_orientation(image))
    if method is None:
        return image
    turned = image.transpose(method)
    image.close()
    return turned


def _reduction(pixels: int) -> int:
    """By how much a photo is reduced to stay within Pillow's limit of pixels."""
    limit = Image.MAX_IMAGE_PIXELS or math.inf
    return next(size for size in _REDUCTIONS if pixels / size**2 <= limit or size == 8)


def _load(image: Image.Image, header: PhotoHeader, name: str, words: PhotoPhrases) -> None:
    if header.reduction > 1:
        width, height = (side // header.reduction for side in image.size)
        image.draft(None, (width, height))
    image.load()
    if isinstance(image, _CuttableJpeg) and image.is_cut:
        missing = _undecoded_share(image)
        if missing > _MOST_MISSING:
            raise ValueError(words.mostly_missing.format(share=f"{missing:.0%}"))
        _say_once(words.incomplete.format(name=name, share=f"{missing:.0%}"))


def _undecoded_share(image: Image.Image) -> float:
    """Share of the rows, from the last one up, for which a cut JPEG holds no data."""
    rows = np.asarray(image).reshape(image.height, -1)
    decoded = np.flatnonzero((rows != _UNDECODED).any(axis=1))
    return 1 - (int(decoded[-1]) + 1) / image.height if len(decoded) else 1.0


@functools.lru_cache(maxsize=4096)
def _say_once(line: str) -> None:
    """Many a photo is decoded more than once: training does it in every epoch."""
    print(line, file=sys.stderr)


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
