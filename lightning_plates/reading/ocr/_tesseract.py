"""What both ways of calling Tesseract share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from PIL import Image

from lightning_plates.errors import ModelError
from lightning_plates.optional import require
from lightning_plates.reading.characters import Belief, believe, normalise

INSTALL_HINT = "the program tesseract is not installed. Install it with: apt install tesseract-ocr"


def open_tesseract(threads: int | None) -> Any:  # noqa: ANN401 -- pytesseract ships no types
    """The module ``pytesseract``, once its program answers.

    Raises:
        MissingDependencyError: The Python package is not installed.
        ModelError: The program is not installed.
    """
    module = require("pytesseract", extra="tesseract")
    if threads is not None:
        # The only way: Tesseract reads OpenMP's variable when its process starts.
        os.environ["OMP_THREAD_LIMIT"] = str(threads)
    try:
        module.get_tesseract_version()
    except module.TesseractNotFoundError as error:
        raise ModelError(INSTALL_HINT) from error
    return module


def recognise(module: Any, image: Image.Image, config: str) -> Belief:  # noqa: ANN401
    """Run Tesseract and join its words from left to right.

    Args:
        module: What :func:`open_tesseract` returned.
        image: The row, RGB or grey.
        config: Words for Tesseract's command line.

    Raises:
        ModelError: The program failed.
    """
    try:
        data: Mapping[str, list[Any]] = module.image_to_data(
            image, config=config, output_type=module.Output.DICT
        )
    except module.TesseractError as error:
        raise ModelError(f"tesseract failed: {error.message}") from error
    words = [
        (normalise(str(text)), max(float(confidence), 0.0) / 100.0)
        for text, confidence in zip(data["text"], data["conf"], strict=True)
    ]
    confidences = [confidence for text, confidence in words for _ in text]
    return believe("".join(text for text, _ in words), confidences)
