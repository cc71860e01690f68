"""Draws a whole set of photos on all cores; interrupted sets are continued."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from lightning_plates import __version__
from lightning_plates.data.annotations import boxes_csv
from lightning_plates.data.annotations.reader import read_annotations
from lightning_plates.data.annotations.record import AnnotationSet, BoxRecord, PhotoRecord
from lightning_plates.data.synthetic.onto import replace_plates
from lightning_plates.data.synthetic.scene import PlacedPlate, Scene, SceneOptions, compose
from lightning_plates.data.workers import map_on_cores
from lightning_plates.drafts import write_bytes, write_text
from lightning_plates.errors import InputError
from lightning_plates.files import read_bytes
from lightning_plates.locking import hold_folder
from lightning_plates.photos import encode_jpeg, load_photo
from lightning_plates.schema import convert, parse_json

MANIFEST = "manifest.json"
"""Says with which options the set was drawn."""
JOURNAL = ".finished"
"""One JSON line a finished photo; what a continued run reads instead of drawing again."""

_RECIPE = 1  # raised whenever the same seed would draw other photos


@dataclass(frozen=True, slots=True)
class SetOptions:
    """What to draw."""

    count: int
    """Photos in the set."""
    seed: int
    """The same seed gives the same photos, whatever the number of workers."""
    scene: SceneOptions = field(default_factory=SceneOptions)
    """What the photos have in common."""
    onto: Path | None = None
    """Annotated photos whose plates are covered, instead of drawing scenes."""


@dataclass(frozen=True, slots=True)
class _Job:
    """What a worker needs to draw any photo of the set."""

    folder: Path
    options: SetOptions
    backdrop: AnnotationSet | None


def generate(folder: Path, options: SetOptions, workers: int | None = None) -> AnnotationSet:
    """Draw the photos that ``folder`` does not hold yet, and write their labels.

    Args:
        folder: Gets ``000000.jpg …``, ``boxes.csv`` and ``manifest.json``.
        options: What to draw.
        workers: Processes; ``None`` takes every core.

    Returns:
        The whole set.

    Raises:
        InputError: An option is out of range, or ``folder`` holds a set drawn with others.
        OutputError: Another process draws into ``folder``.
        OSError: A file cannot be written.
    """
    _check(options)
    if workers is not None and workers < 1:
        raise InputError(f"workers must be at least 1, not {workers}")
    backdrop = _read_backdrop(options.onto)
    with hold_folder(folder):
        return _draw_missing(folder, options, backdrop, workers)


def _draw_missing(
    folder: Path, options: SetOptions, backdrop: AnnotationSet | None, workers: int | None
) -> AnnotationSet:
    _claim(folder, options)
    finished = _read_journal(folder)
    missing = [index for index in range(options.count) if index not in finished]
    job = _Job(folder, options, backdrop)
    try:
        with (folder / JOURNAL).open("a", encoding="utf-8") as journal:
            for index, photo in _progress(_draw_all(job, missing, workers), options, finished):
                finished[index] = photo
                journal.write(json.dumps([index, asdict(photo)]) + "\n")
                journal.flush()
    except KeyboardInterrupt:
        _write_labels(folder, finished, options.count)
        raise
    return _write_labels(folder, finished, options.count)


def _check(options: SetOptions) -> None:
    scene = options.scene
    low, high = scene.plate_width
    rules = (
        (options.count >= 1, f"count must be at least 1, not {options.count}"),
        (options.seed >= 0, f"seed must not be negative, not {options.seed}"),
        (64 <= scene.size <= 4096, f"size must be 64 to 4096 pixels, not {scene.size}"),
        (
            0.01 <= low <= high <= 0.9,
            f"plate width must be two rising shares within 0.01 to 0.9, not {low} {high}",
        ),
        (0 <= scene.negatives <= 1, f"negatives must be 0 to 1, not {scene.negatives}"),
        (0 <= scene.several <= 1, f"several must be 0 to 1, not {scene.several}"),
    )
    for holds, message in rules:
        if not holds:
            raise InputError(message)


def _read_backdrop(onto: Path | None) -> AnnotationSet | None:
    if onto is None:
        return None
    annotations = read_annotations(onto)
    photos = tuple(photo for photo in annotations.photos if photo.boxes)
    if not photos:
        raise InputError(f"{onto}: none of its photos has a plate box to cover")
    return AnnotationSet(annotations.root, photos)


def _claim(folder: Path, options: SetOptions) -> None:
    """Write the manifest, or make sure that the one in ``folder`` says the same."""
    manifest = _manifest(options)
    path = folder / MANIFEST
    if path.exists() and (folder / JOURNAL).exists():
        earlier = parse_json(read_bytes(path), path, InputError)
        if not isinstance(earlier, dict) or _recipe(earlier) != _recipe(manifest):
            raise InputError(
                f"{folder}: holds a set drawn with other options (see {MANIFEST}); "
                "choose another folder or delete this one"
            )
    elif any(folder.glob("*.jpg")):
        raise InputError(f"{folder}: holds photos that are not from here; choose another folder")
    write_text(path, json.dumps(manifest, indent=2) + "\n")


def _manifest(options: SetOptions) -> dict[str, Any]:
    scene = asdict(options.scene) | {"plate_width": list(options.scene.plate_width)}
    return {
        "made_by": "lightning_plates data synthesise",
        "version": __version__,
        "recipe": _RECIPE,
        "count": options.count,
        "seed": options.seed,
        "onto": str(options.onto) if options.onto else None,
        "scene": scene,
    }


def _recipe(manifest: dict[str, Any]) -> dict[str, Any]:
    """What must agree to continue a set; it may grow, and the package's version may change."""
    return {key: value for key, value in manifest.items() if key not in {"count", "version"}}


def _read_journal(folder: Path) -> dict[int, PhotoRecord]:
    """Finished photos by index; a line that was cut off by a kill counts as not written."""
    journal = folder / JOURNAL
    finished: dict[int, PhotoRecord] = {}
    lines = read_bytes(journal).splitlines() if journal.exists() else []
    for line in lines:
        with contextlib.suppress(InputError):
            fields = parse_json(line, journal, InputError)
            index, photo = convert(fields, tuple[int, PhotoRecord], journal, InputError)
            if photo.file == _file_of(index) and (folder / photo.file).exists():
                finished[index] = photo
    if lines:
        kept = (json.dumps([index, asdict(photo)]) + "\n" for index, photo in finished.items())
        write_text(journal, "".join(kept))
    return finished


def _draw_all(
    job: _Job, missing: list[int], workers: int | None
) -> Iterator[tuple[int, PhotoRecord]]:
    photos = map_on_cores(partial(_draw_alone, job), missing, workers)
    yield from zip(missing, photos, strict=True)


def _draw_alone(job: _Job, index: int) -> PhotoRecord:
    # One process a core already: OpenCV's own threads would only get in each other's way.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return draw_photo(job, index)
    finally:
        cv2.setNumThreads(threads)


def draw_photo(job: _Job, index: int) -> PhotoRecord:
    """Draw photo ``index``, write it and return its labels; depends on nothing else."""
    options = job.options
    rng = np.random.default_rng([options.seed, index])
    if job.backdrop is None:
        scene = compose(rng, options.scene)
    else:
        below = job.backdrop.photos[index % len(job.backdrop.photos)]
        pixels = load_photo(job.backdrop.path_of(below))
        scene = replace_plates(pixels, below, options.scene.size, rng)
    quality = int(np.clip(rng.normal(78, 15), 25, 95))
    write_bytes(job.folder / _file_of(index), encode_jpeg(scene.pixels, quality))
    return _label(scene, index)


def _file_of(index: int) -> str:
    return f"{index:06d}.jpg"


def _label(scene: Scene, index: int) -> PhotoRecord:
    height, width = scene.pixels.shape[:2]
    boxes = tuple(_box(plate, width, height) for plate in scene.plates)
    file = _file_of(index)
    return PhotoRecord(file, width, height, boxes, source=Path(file).stem)


def _box(plate: PlacedPlate, width: int, height: int) -> BoxRecord:
    """The bounding rectangle of the plate's corners, clipped to the photo."""
    rounded = np.round(plate.corners.astype(float), 2)  # a hundredth of a pixel
    low = np.clip(rounded.min(axis=0), 0, (width, height))
    high = np.clip(rounded.max(axis=0), 0, (width, height))
    a, b, c, d = ((float(x), float(y)) for x, y in rounded)
    (x1, y1), (x2, y2) = low.tolist(), high.tolist()
    return BoxRecord(x1, y1, x2, y2, text=plate.text, corners=(a, b, c, d))


def _progress(
    photos: Iterator[tuple[int, PhotoRecord]],
    options: SetOptions,
    finished: dict[int, PhotoRecord],
) -> Iterator[tuple[int, PhotoRecord]]:
    columns = ("photos", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    done = sum(index < options.count for index in finished)
    # On standard error, and only where a person watches it.
    bar = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
    with bar as progress:
        task = progress.add_task("photos", total=options.count, completed=done)
        for photo in photos:
            yield photo
            progress.advance(task)


def _write_labels(folder: Path, finished: dict[int, PhotoRecord], count: int) -> AnnotationSet:
    photos = tuple(finished[index] for index in sorted(finished) if index < count)
    annotations = AnnotationSet(folder, photos)
    boxes_csv.write(annotations, folder)
    return annotations
