"""One cell of a table of conversions: a hub file in one format and variant.

Each is made by its converter's own script in a process of its own, so that a tool that crashes or
is killed costs its cell alone. What became of it lies beside the artefact, and a cell that has
already been made with the same hub, options, tool and photos is not made again.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conversion._base import Converter, Variant, tolerance_of
from conversion.gate.manifest import read_manifest, size_of
from conversion.gate.parity import Parity, broken_limits, measure_parity
from conversion.graph.hub_file import Hub
from conversion.matrix.evaluation import Evaluation, EvaluationSet, evaluate
from lightning_plates import __version__
from lightning_plates.drafts import write_text
from lightning_plates.errors import (
    ConversionError,
    InputError,
    MissingDependencyError,
    PlatesError,
)
from lightning_plates.files import read_bytes
from lightning_plates.schema import convert, parse_json

RECORD_SUFFIX = ".cell.json"
"""What follows the model file's name in the file that says what became of its cell."""
_MAX_RECORD_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of an artefact."""

    size_bytes: int
    """Of the model and what a runtime needs beside it."""
    parity: Parity
    score: float | None
    """Headline of the model's task, 0–1; ``None`` without labels."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of one hub, format and variant."""

    model: str
    """Name of the hub file, without its ending."""
    label: str
    """Name of the format."""
    variant: str
    """E.g. ``"int8 dynamic"``."""
    tool: str
    """Name and version of what converts; empty where it is not installed."""
    figures: Figures | None
    """``None`` where nothing was made."""
    reason: str
    """Why it failed, or what its figures break; empty where it agrees."""


@dataclass(frozen=True, slots=True)
class _Record:
    """What became of a cell, as its file says."""

    key: dict[str, Any]
    """Whatever changes it."""
    figures: Figures | None
    reason: str


@dataclass(frozen=True, slots=True)
class CellJob:
    """What all cells of one hub share."""

    hub: Hub
    answers: Evaluation
    """The hub's, to the photos."""
    photos: EvaluationSet
    photos_sha256: str
    """:meth:`EvaluationSet.digest`, which takes its time."""
    folder: Path
    """Where the artefacts go."""
    words: tuple[str, ...]
    """Options of every converter's script: photos, calibration, device, tolerance."""
    device: str | None
    min_likeness: float | None
    calibration: Mapping[str, Any] | None
    """:meth:`Calibration.describe`, which takes its time too; ``None`` without calibration."""
    retry: bool = False
    """Whether cells that failed with the same inputs are tried again."""
    makes: bool = True
    """Whether cells that are not there are made."""


def make_cell(job: CellJob, name: str, cls: type[Converter], variant: Variant) -> Cell:
    """Convert one variant, if it is not there already, and measure it.

    Args:
        job: What all cells share.
        name: File name of the converter.
        cls: The converter.
        variant: One of its variants.

    Returns:
        The cell; a failure is its reason and raises nothing.
    """
    converter = cls.from_words(variant.words)
    try:
        converter.check_tool()
        converter.prepare_tool()
    except MissingDependencyError as error:
        return _cell(job, cls, variant, "", None, str(error))
    key = _key(job, name, converter, variant)
    target = job.folder / converter.file_name(job.hub.path, variant.precision)
    record = target.with_name(target.name + RECORD_SUFFIX)
    known = _read_record(record, key, target, job.retry)
    if known is None and not job.makes:
        known = _Record(key, None, "not made yet")
    elif known is None:
        known = _Record(key, *_make(job, name, converter, variant, key, target))
        record_facts = dataclasses.asdict(known)
        facts = json.dumps(record_facts, indent=2, ensure_ascii=False, allow_nan=False)
        write_text(record, facts + "\n")
    return _cell(job, cls, variant, converter.tool_version(), known.figures, known.reason)


def run_script(name: str, words: Sequence[str]) -> str:
    """Run a converter's script in a process of its own.

    Returns:
        Why it failed, in one line; empty where it did not.
    """
    command = [sys.executable, "-m", f"conversion.{name}", *words]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode == 0:
        return ""
    if done.returncode < 0:
        return f"the converter was killed (signal {-done.returncode})"
    lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else f"exit status {done.returncode}"


def _make(
    job: CellJob, name: str, converter: Converter, variant: Variant, key: Mapping[str, Any],
    target: Path,
) -> tuple[Figures | None, str]:  # fmt: skip
    """Its figures, where it could be made, and what is wrong."""
    reason = ""
    if not _is_made(target, key):
        words = [str(job.hub.path), "-o", str(job.folder), "--precision", variant.precision]
        reason = run_script(name, [*words, *variant.words, *job.words])
        reason = reason.replace(f"{job.folder}/", "")  # a table ships, and says nothing of folders
    if reason:
        return None, reason
    try:
        figures = _measure(job, converter, target)
    except PlatesError as error:
        return None, " ".join(str(error).split())
    # The script compared on fewer photos.
    broken = broken_limits(figures.parity, tolerance_of(variant.precision, job.min_likeness))
    return figures, ", ".join(broken)


def _measure(job: CellJob, converter: Converter, target: Path) -> Figures:
    facts = read_manifest(target)
    if facts is None:
        raise ConversionError(f"{target.name}: its converter wrote no manifest")
    file, runtime = converter.answers_in(target)
    got = evaluate(file, job.photos, runtime, job.device or converter.usual_device())
    parity = measure_parity(job.answers.outputs, got.outputs, job.hub.spec)
    return Figures(sum(facts["sizes"].values()), parity, got.score)


def _key(job: CellJob, name: str, converter: Converter, variant: Variant) -> dict[str, Any]:
    """Whatever changes a cell, as JSON gives it back."""
    calibrates = converter.calibrates(variant.precision)
    facts = {
        "hub_sha256": job.hub.sha256,
        "converter": name,
        "precision": variant.precision,
        "options": converter.option_values(),
        "tool": converter.tool_version(),
        "calibration": job.calibration if calibrates else None,
        "device": job.device,
        "tolerance": tolerance_of(variant.precision, job.min_likeness).as_json(),
        "photos_sha256": job.photos_sha256,
        "lightning_plates": __version__,
    }
    key: dict[str, Any] = json.loads(json.dumps(facts))
    return key


def _is_made(target: Path, key: Mapping[str, Any]) -> bool:
    """Whether the artefact that is wanted lies there whole, by its manifest."""
    try:
        facts = read_manifest(target)
    except InputError:  # damaged: made again
        return False
    if facts is None or not _is_whole(target, facts["sizes"]):
        return False
    stated: Mapping[str, Any] = {**facts}
    named = ("hub_sha256", "precision", "options", "tool", "calibration")
    return all(stated[field] == key[field] for field in named)


def _is_whole(target: Path, sizes: Mapping[str, int]) -> bool:
    files = {target.with_name(name): size for name, size in sizes.items()}
    return all(file.exists() and size_of(file) == size for file, size in files.items())


def _read_record(record: Path, key: Mapping[str, Any], target: Path, retry: bool) -> _Record | None:
    """What became of the cell before, if nothing that changes it is different now."""
    try:
        facts = parse_json(read_bytes(record, _MAX_RECORD_BYTES), record, InputError)
        known = convert(facts, _Record, record, InputError)
    except (OSError, InputError):  # none, or damaged: made again
        return None
    if known.key != key:
        return None
    if known.figures is None:
        return None if retry else known
    return known if _is_made(target, key) else None


def _cell(
    job: CellJob, cls: type[Converter], variant: Variant, tool: str, figures: Figures | None,
    reason: str,
) -> Cell:  # fmt: skip
    return Cell(job.hub.path.stem, cls.label, variant.label, tool, figures, reason)
