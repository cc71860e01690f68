"""The recogniser that RapidOCR ships, run directly: no detection stage, every probability kept.

The package's own call answers one string and one score, and its ``use_det=False`` sticks to the
object. Its wheel holds the recogniser as ONNX with the alphabet in the metadata, so ONNX Runtime
runs it here and nothing of the package is imported.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lightning_plates.errors import MissingDependencyError, ModelError
from lightning_plates.optional import install_command, require
from lightning_plates.photos import RgbImage
from lightning_plates.reading.characters import ALPHABET, LETTERS, Belief
from lightning_plates.reading.ocr._band import cut_band
from lightning_plates.reading.ocr._base import OcrEngine
from lightning_plates.shipment import check_installed

Posterior: TypeAlias = NDArray[np.float64]

HEIGHT = 48
"""Input height of PaddleOCR's recognisers, in pixels."""

WIDEST = 480
"""Input width at which a row is squeezed, in pixels; ten characters need about 320."""

STRETCH = 1.3
"""Rows are widened by this: narrow type gets more time steps. Measured on the crops ``us`` and
``ar``, read once, with the band below: 1.0, 1.3, 1.6 → exact 0.87/0.83, 0.89/0.87, 0.88/0.84."""


class RapidOcr(OcrEngine):
    """Runs PP-OCR's recogniser from the package ``rapidocr``.

    Args:
        threads: Threads for one reading; ``None`` leaves the choice to ONNX Runtime.
        stretch: Rows are widened by this.
        band: Leave out what stands above and below the characters of a 2:1 plate.
    """

    label, module, extra = "RapidOCR recogniser", "rapidocr", ""

    def __init__(
        self, threads: int | None = None, *, stretch: float = STRETCH, band: bool = True
    ) -> None:
        self._stretch = stretch
        self._band = band
        super().__init__(threads)

    def _open(self, threads: int | None) -> None:
        ort = require("onnxruntime", extra=self.extra)
        options = ort.SessionOptions()
        options.log_severity_level = 3  # 3: errors only
        if threads is not None:
            options.intra_op_num_threads = threads
        weights = find_recogniser()
        check_installed(weights, self.module)
        self._session = ort.InferenceSession(str(weights), options, ["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        metadata = self._session.get_modelmeta().custom_metadata_map
        self._upper, self._lower = _columns(metadata.get("character", "").splitlines())

    def _read(self, row: RgbImage) -> Belief:
        characters = cut_band(row) if self._band else row
        feeds = {self._input: to_input(characters, self._stretch)}
        scores = self._session.run(None, feeds)[0][0]
        return collapse(self._plate_characters(scores))

    def _plate_characters(self, scores: NDArray[np.float32]) -> Posterior:
        """Shape ``(T, 36)`` of ``(T, V)``: upper and lower case together."""
        table: Posterior = scores[:, self._upper].astype(np.float64)
        table[:, ALPHABET.index("A") :] += scores[:, self._lower]
        return table


def find_recogniser() -> Path:
    """Path of the recogniser inside the installed package, found without importing it.

    Raises:
        MissingDependencyError: The package is not installed.
        ModelError: This release of it ships no recogniser.
    """
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError(
            f"rapidocr is not installed. Install it with: {install_command(RapidOcr.extra)}"
        )
    folder = Path(spec.submodule_search_locations[0]) / "models"
    found = sorted(folder.glob("*_rec_*.onnx"))
    if not found:
        raise ModelError(f"{folder}: no *_rec_*.onnx; install another release of rapidocr")
    return found[-1]


def to_input(row: RgbImage, stretch: float = STRETCH) -> NDArray[np.float32]:
    """Scale a row to the recogniser's input, shape ``(1, 3, 48, W)``, BGR in −1…1."""
    height, width = row.shape[:2]
    target = int(np.clip(round(HEIGHT * stretch * width / height), HEIGHT, WIDEST))
    image = Image.fromarray(row).resize((target, HEIGHT), Image.Resampling.BILINEAR)
    values = np.asarray(image, dtype=np.float32)[..., ::-1] / 127.5 - 1.0
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def collapse(posterior: Posterior) -> Belief:
    """Greedy CTC decoding that keeps the whole distribution of every character.

    Args:
        posterior: Shape ``(T, 36)``: probability of each plate character at each time step;
            what is missing to 1 is the blank and characters that plates do not use.

    Returns:
        One row a character: the time step at which it is most probable.
    """
    blank = 1.0 - posterior.sum(axis=1)
    best = np.where(posterior.max(axis=1) > blank, posterior.argmax(axis=1), -1)
    steps: list[int] = []
    previous = -1
    for step, character in enumerate(best):
        if character >= 0 and character != previous:
            steps.append(step)
        elif character >= 0 and posterior[step, character] > posterior[steps[-1], character]:
            steps[-1] = step
        previous = character
    return Belief(posterior[steps])


def _columns(alphabet: list[str]) -> tuple[list[int], list[int]]:
    """Columns of the plate characters and of the lower-case letters; column 0 is the blank."""
    if not set(ALPHABET + LETTERS.lower()) <= set(alphabet):
        raise ModelError("rapidocr: its recogniser does not know all Latin letters and digits")
    column = {character: index + 1 for index, character in enumerate(alphabet)}
    return [column[c] for c in ALPHABET], [column[c] for c in LETTERS.lower()]
