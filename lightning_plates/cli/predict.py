"""Find the plate in photos with a checkpoint or an exported model, without torch for the latter."""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lightning_plates.cli._arguments import add_file_limit, add_runtime_options, worker_count
from lightning_plates.cli._originals import (
    PICTURE_MARK,
    Originals,
    OutputNames,
    without_own_pictures,
)
from lightning_plates.console import UNREADABLE_EXIT_CODE
from lightning_plates.drafts import write_bytes, write_text
from lightning_plates.drawing import Mark, draw_marks
from lightning_plates.errors import (
    InputError,
    MissingDependencyError,
    PhotoError,
    reason_without_name,
)
from lightning_plates.photos import Photo, encode_jpeg, find_photos, open_photo
from lightning_plates.results import Detection
from lightning_plates.text_streams import json_line
from runtimes import Runtime, open_model

BATCH_SIZE = 16
"""Photos decoded and run together: enough to fill the cores, little enough for a small board."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answered for one photo."""

    file: Path
    error: str | None
    """Why the photo could not be read, without its name, or ``None``."""
    plates: tuple[Detection, ...] = ()
    """Best first; boxes in pixels of the photo."""


def main(argv: list[str]) -> int:
    """Run ``predict``; see ``--help``."""
    args = _parser().parse_args(argv)
    files = without_own_pictures(list_inputs(args.photos), [args.save])
    names = OutputNames()
    _spare_originals(args, files, names)
    with open_model(args.model, args.runtime, args.device, args.threads) as model:
        _ = model.spec  # a model without a spec is refused before any photo is decoded
        predictions = []
        for prediction, photo in predict_files(model, files):
            _report(prediction, args.json)
            if args.save is not None and photo is not None:
                _save_picture(args.save / names.of(prediction.file), prediction, photo)
            predictions.append(prediction)
    if args.csv is not None:
        write_text(args.csv, to_csv(predictions))
    unreadable = [p for p in predictions if p.error is not None]
    for prediction in unreadable:
        print(f"skipped: {prediction.file}: {prediction.error}", file=sys.stderr)
    return UNREADABLE_EXIT_CODE if unreadable else 0


def list_inputs(arguments: Sequence[Path]) -> list[Path]:
    """Files as given, folders as the photos below them.

    Raises:
        InputError: A path does not exist, or a folder holds no photo.
    """
    files: list[Path] = []
    for path in arguments:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        files += find_photos(path) if path.is_dir() else [path]
    return files


def _spare_originals(args: argparse.Namespace, files: Sequence[Path], names: OutputNames) -> None:
    pictures = [] if args.save is None else [args.save / names.of(file) for file in files]
    tables = [] if args.csv is None else [args.csv]
    Originals([*files, args.model]).refuse_overwriting([*pictures, *tables])


def predict_files(
    model: Runtime, files: Sequence[Path]
) -> Iterator[tuple[Prediction, Photo | None]]:
    """Answer photo by photo, in the order given; the photo itself is ``None`` if unreadable."""
    for start in range(0, len(files), BATCH_SIZE):
        batch = files[start : start + BATCH_SIZE]
        loaded = [_try_load(file) for file in batch]
        answers = iter(model.locate([photo.image for photo, _ in loaded if photo is not None]))
        for file, (photo, error) in zip(batch, loaded, strict=True):
            plates = _in_photo(photo, next(answers)) if photo is not None else ()
            yield Prediction(file, error, plates), photo


def _in_photo(photo: Photo, plates: Sequence[Detection]) -> tuple[Detection, ...]:
    return tuple(replace(plate, box=photo.to_original(plate.box)) for plate in plates)


def to_json(prediction: Prediction) -> str:
    """One line of JSON: file, error, and a list of boxes with their confidence."""
    plates = [{"box": list(p.box), "confidence": p.confidence} for p in prediction.plates]
    record: dict[str, Any] = {"file": str(prediction.file), "error": prediction.error}
    return json_line({**record, "plates": plates})


def to_csv(predictions: Sequence[Prediction]) -> str:
    """A table with one row a plate; a photo without one is a row with empty cells."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["file", "x1", "y1", "x2", "y2", "confidence", "error"])
    for prediction in predictions:
        error = prediction.error or ""
        for plate in prediction.plates:
            box = [f"{value:.2f}" for value in plate.box]
            confidence = "" if plate.confidence is None else f"{plate.confidence:.4f}"
            writer.writerow([prediction.file, *box, confidence, error])
        if not prediction.plates:
            writer.writerow([prediction.file, "", "", "", "", "", error])
    return buffer.getvalue()


def _try_load(file: Path) -> tuple[Photo | None, str | None]:
    try:
        return open_photo(file), None
    except (PhotoError, MissingDependencyError) as error:
        return None, reason_without_name(error, file)


def _report(prediction: Prediction, as_json: bool) -> None:
    if as_json:
        print(to_json(prediction))
    elif prediction.error is None:
        found = [_describe(plate) for plate in prediction.plates]
        print(f"{prediction.file}: {'; '.join(found) or 'no plate found'}")


def _describe(plate: Detection) -> str:
    x1, y1, x2, y2 = plate.box
    text = f"plate at x {x1:.0f}–{x2:.0f}, y {y1:.0f}–{y2:.0f} px"
    return text if plate.confidence is None else f"{text} ({plate.confidence:.0%})"


def _save_picture(target: Path, prediction: Prediction, photo: Photo) -> None:
    marks = [
        Mark(
            photo.to_image(plate.box),
            caption="" if plate.confidence is None else f"{plate.confidence:.2f}",
        )
        for plate in prediction.plates
    ]
    write_bytes(target, encode_jpeg(draw_marks(photo.image, marks), comment=PICTURE_MARK))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lightning_plates predict", description=__doc__)
    parser.add_argument("model", type=Path, help="model.onnx, a checkpoint, or any exported file")
    parser.add_argument("photos", type=Path, nargs="+", help="photos, or folders of them")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write a table of all boxes")
    parser.add_argument("--json", action="store_true", help="print one line of JSON a photo")
    parser.add_argument("--save", type=Path, metavar="DIR", help="write photos with boxes drawn")
    add_runtime_options(parser)
    parser.add_argument("--threads", type=worker_count, help="threads for one inference")
    add_file_limit(parser)
    return parser
