"""What a command left in its output: whether every file is whole, and what it says."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

UNFINISHED = (".draft", ".partial", ".finished", ".augment.jsonl", ".lock")
"""In the names of files that say by themselves that they are not results, and of journals."""
CLOCKS = frozenset({
    "seconds", "cpu_seconds", "train_seconds", "preparation_seconds", "config", "features_found",
    "sha256", "padding", "scaling",
})  # fmt: skip
"""Columns and keys that say how long something took, how often it was begun, and the hashes of
files that are themselves compared; and what a resumed fit takes from its checkpoint, not from the
configuration, which leaves it open."""


def broken_files(out: Path) -> list[str]:
    """Files under their final names that are not whole, each with the reason."""
    found = []
    for file in result_files(out):
        try:
            content_of(file)
        except Exception as error:  # whatever a reader says about half a file
            found.append(f"{file.relative_to(out)} is half-written: {error!r}"[:200])
    return found


def result_files(out: Path) -> Iterator[Path]:
    """Files under their final names."""
    for file in sorted(out.rglob("*")):
        place = file.relative_to(out).as_posix()
        is_unfinished = any(mark in place for mark in UNFINISHED)
        if file.is_file() and not is_unfinished and not place.startswith("run/tensorboard/"):
            yield file


def drafts(out: Path) -> list[str]:
    """Drafts that nobody will finish."""
    return sorted(
        path.relative_to(out).as_posix()
        for path in out.rglob("*")
        if ".draft" in path.name or path.name.endswith(".partial")
    )


def contents(out: Path) -> dict[str, Any]:
    """Content of every result, without clocks, for comparison with another run's."""
    return {file.relative_to(out).as_posix(): content_of(file) for file in result_files(out)}


def differences(expected: dict[str, Any], got: dict[str, Any]) -> list[str]:
    """Results that are missing, are too many, or say something else."""
    lost = [f"{name} is missing" for name in sorted(expected.keys() - got.keys())]
    added = [f"{name} is too many" for name in sorted(got.keys() - expected.keys())]
    both = sorted(expected.keys() & got.keys())
    changed = [
        f"{name} differs: {_first_difference(expected[name], got[name])}"
        for name in both
        if expected[name] != got[name]
    ]
    return [*lost, *added, *changed]


def _first_difference(expected: Any, got: Any) -> str:
    if type(expected) is not type(got) or not isinstance(expected, list | dict):
        return f"{expected!r} became {got!r}"[:300]
    if len(expected) != len(got):
        return f"{len(expected)} entries became {len(got)}"
    if isinstance(expected, dict):
        pairs = ((key, expected[key], got.get(key)) for key in sorted(expected))
        return next(f"{k}: {_first_difference(a, b)}" for k, a, b in pairs if a != b)
    pairs = zip(expected, got, strict=True)
    return next(_first_difference(one, other) for one, other in pairs if one != other)


def content_of(file: Path) -> Any:
    """What a file says, in a form that ``==`` compares; raises where the file is not whole."""
    readers: dict[str, Callable[[bytes], Any]] = {
        ".jpg": _photo, ".png": _photo, ".csv": _table, ".json": _record, ".npz": _arrays,
        # The mobile format is written in another order each time.
        ".ort": len,
        ".ckpt": _checkpoint, ".onnx": _graph,
        ".yaml": lambda data: _without_clocks(yaml.safe_load(data)),
    }  # fmt: skip
    data = file.read_bytes()
    if not data:
        raise ValueError("empty")
    return readers.get(file.suffix, _digest)(data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _photo(data: bytes) -> str:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    if data[:2] == b"\xff\xd8" and not data.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise ValueError("the end of the JPEG is missing")
    return _digest(data)


def _table(data: bytes) -> list[dict[str, str]]:
    text = data.decode()
    if not text.endswith("\n"):
        raise ValueError("the last line is not whole")
    head, _, rest = text.partition("\n")
    body = rest if head.startswith("#") else text
    rows = list(csv.DictReader(io.StringIO(body), strict=True))
    return [_without_times(row) for row in rows]


def _without_times(row: dict[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in row.items()
        if name not in CLOCKS and not name.endswith("_ms")
    }


def _record(data: bytes) -> Any:
    return _without_clocks(json.loads(data))


def _without_clocks(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_clocks(item) for key, item in value.items() if key not in CLOCKS}
    return [_without_clocks(item) for item in value] if isinstance(value, list) else value


def _arrays(data: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.testzip() is not None:
            raise ValueError("a member of the archive is damaged")
    with np.load(io.BytesIO(data)) as arrays:
        return {
            name: repr((arrays[name].shape, _digest(arrays[name].tobytes()))) for name in arrays
        }


def _checkpoint(data: bytes) -> dict[str, str]:
    import torch

    checkpoint = torch.load(io.BytesIO(data), weights_only=True)
    weights = checkpoint["state_dict"].items()
    found = {name: _digest(value.numpy().tobytes()) for name, value in weights}
    return {"epoch": str(checkpoint["epoch"]), **found}


def _graph(data: bytes) -> str:
    import onnx

    onnx.load_from_string(data)
    return _digest(data)
