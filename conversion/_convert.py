"""Converts one hub file from Python; the scripts do the same with words of a command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conversion._base import Artefact
from conversion._discovery import find_converter
from conversion.hub import load_parity_photos
from conversion.int8.calibration import DEFAULT_COUNT, Calibration, choose_photos
from lightning_plates.errors import InputError
from lightning_plates.photos import RgbImage


@dataclass(frozen=True, slots=True)
class PhotoChoice:
    """Photos that calibrate INT8, and those that source and result are compared on."""

    calibration: Path | None = None
    """Photos, or an annotated set, of which the training side is taken."""
    count: int = DEFAULT_COUNT
    """Photos to calibrate with, at most."""
    seed: int = 0
    """Seed of the sample."""
    compared: Path | None = None
    """Photos to compare on; ``None`` takes others of :attr:`calibration`, or drawn ones."""

    def load(self) -> tuple[Calibration | None, list[RgbImage]]:
        """Choose and decode the photos.

        Raises:
            InputError: A folder is missing or empty, or holds no photo that can be read.
        """
        if self.calibration is None:
            return None, load_parity_photos(self.compared)
        calibration, photos = choose_photos(self.calibration, self.count, self.seed)
        return calibration, load_parity_photos(self.compared) if self.compared else photos


def convert_file(
    hub: Path,
    name: str,
    precision: str,
    folder: Path,
    photos: PhotoChoice,
    min_likeness: float | None = None,
    device: str | None = None,
    options: Mapping[str, object] | None = None,
) -> Artefact:
    """Convert a hub file, compare the result with it, and put it in place if both agree.

    Args:
        hub: The ``.onnx`` file.
        name: Name of the converter, e.g. ``"openvino"``.
        precision: One of the converter's precisions.
        folder: Folder of the result.
        photos: What calibrates and is compared on.
        min_likeness: Replaces the likeness, 0–1, that the precision has to reach.
        device: What runs the result when it is compared; ``None``: its runtime's first.
        options: Options of the converter by name.

    Raises:
        InputError: A name, file or value cannot be used.
        ConversionError: The tool failed.
        ParityError: The result answers differently; nothing was written.
        MissingDependencyError: The tool is not installed.
    """
    cls = find_converter(name)
    try:
        converter = cls(**(options or {}))
    except TypeError as error:
        known = ", ".join(cls.option_names()) or "none"
        raise InputError(f"{cls.label}: {error} (options: {known})") from error
    converter.check_options(precision, photos.calibration is not None)
    converter.check_tool()
    calibration, compared = photos.load()
    return converter.convert(hub, folder, precision, compared, calibration, min_likeness, device)
