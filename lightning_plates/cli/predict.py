"""Answer photos with any model, a checkpoint or an exported file, by the model's task.

Examples:
    lightning-plates predict model.onnx photos/ --save pictures/
    lightning-plates predict model.tflite photo.jpg --json

Page: docs/conversion.md
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_plates.cli._arguments import add_file_limit, add_runtime_options, worker_count
from lightning_plates.cli._originals import (
    PICTURE_MARK,
    Originals,
    OutputNames,
    without_own_pictures,
)
from lightning_plates.cli._parser import CommandParser
from lightning_plates.drafts import write_bytes, write_text
from lightning_plates.errors import (
    InputError,
    MissingDependencyError,
    PhotoError,
    reason_without_name,
)
from lightning_plates.photos import (
    Photo,
    encode_jpeg,
    find_photos,
    open_photo,
)
from lightning_plates.tasks import Task, task_of
from lightning_plates.terminal.console import UNREADABLE_EXIT_CODE
from lightning_plates.terminal.text_streams import json_line
from runtimes import Runtime, open_model

BATCH_SIZE = 16
"""Photos decoded and run together: enough to fill the cores, little enough for a small board."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answered for one photo."""

    file: Path
    error: str | None
    """Why the photo could not be read, without its name, or ``None``."""
    answer: Any
    """By the model's task; its ``nothing`` beside an error."""


def main(argv: list[str]) -> int:
    """Run ``predict``; see ``--help``."""
    args = _parser().parse_args(argv)
    files = without_own_pictures(list_inputs(args.photos), [args.save])
    names = OutputNames()
    _spare_originals(args, files, names)
    with open_model(args.model, args.runtime, args.device, args.threads) as model:
        task = task_of(model.spec)  # a model without a spec is refused before a photo is decoded
        predictions = []
        for prediction, photo in predict_files(model, files):
            _report(prediction, task, args.json)
            if args.save is not None and photo is not None:
                answer = _in_image(task, photo, prediction.answer)
                picture = encode_jpeg(task.draw(photo.image, answer), comment=PICTURE_MARK)
                write_bytes(args.save / names.of(prediction.file), picture)
            predictions.append(prediction)
    if args.csv is not None:
        write_text(args.csv, to_csv(predictions, task))
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
        task = task_of(model.spec)
        answers = iter(model.answer([photo.image for photo, _ in loaded if photo is not None]))
        for file, (photo, error) in zip(batch, loaded, strict=True):
            if photo is None:
                yield Prediction(file, error, task.nothing), None
            else:
                yield Prediction(file, None, task.scaled(next(answers), *photo.reduction)), photo


def _in_image(task: Task[Any, Any], photo: Photo, answer: object) -> object:
    """The answer in pixels of the decoded image, to be drawn on it."""
    across, down = photo.reduction
    return task.scaled(answer, 1 / across, 1 / down)


def to_json(prediction: Prediction, task: Task[Any, Any]) -> str:
    """One line of JSON: file, error, and the answer by the model's task."""
    record: dict[str, Any] = {"file": str(prediction.file), "error": prediction.error}
    return json_line({**record, **task.record(prediction.answer)})


def to_csv(predictions: Sequence[Prediction], task: Task[Any, Any]) -> str:
    """A table with one row a thing answered; a photo without one is a row with empty cells."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["file", *task.columns, "error"])
    for prediction in predictions:
        rows = task.cells(prediction.answer) if prediction.error is None else []
        for cells in rows or [[""] * len(task.columns)]:
            writer.writerow([prediction.file, *cells, prediction.error or ""])
    return buffer.getvalue()


def _try_load(file: Path) -> tuple[Photo | None, str | None]:
    try:
        return open_photo(file), None
    except (PhotoError, MissingDependencyError) as error:
        return None, reason_without_name(error, file)


def _report(prediction: Prediction, task: Task[Any, Any], as_json: bool) -> None:
    if as_json:
        print(to_json(prediction, task))
    elif prediction.error is None:
        print(f"{prediction.file}: {task.describe(prediction.answer)}")


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("predict", __doc__)
    parser.add_argument("model", type=Path, help="model.onnx, a checkpoint, or any exported file")
    parser.add_argument("photos", type=Path, nargs="+", help="photos, or folders of them")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write a table of answers")
    parser.add_argument("--json", action="store_true", help="print one line of JSON a photo")
    parser.add_argument("--save", type=Path, metavar="DIR", help="write photos with answers drawn")
    add_runtime_options(parser)
    parser.add_argument("--threads", type=worker_count, help="threads for one inference")
    add_file_limit(parser)
    return parser
