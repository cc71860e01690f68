"""The long commands: what they are given, how they are continued, and what must survive a kill."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

Survivors = dict[str, object]
"""What is finished, by name; it must be the same after the command was continued."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One long command."""

    prepare: Callable[[Path], None]
    """Write the inputs."""
    words: Callable[[Path], list[str]]
    """Command line, given the folder of the inputs; it writes to the working directory."""
    resume: tuple[str, ...]
    """Words that continue it, beside the same ones."""
    survivors: Callable[[Path], Survivors]
    """What an interrupted run finished, given the folder of the output."""


def _lightning_plates(*words: object) -> list[str]:
    return [sys.executable, "-m", "lightning_plates", *map(str, words)]


def _nothing(_: Path) -> None:
    pass


def _synthesise(inputs: Path) -> list[str]:
    return _lightning_plates("data", "synthesise", "-o", "set", "--count", 24, "--size", 320,
                             "--seed", 3, "--workers", 2)  # fmt: skip


def _synthesised(out: Path) -> Survivors:
    """Times of the photos that the journal lists: none of them is drawn again."""
    journal = _whole_lines(out / "set" / ".finished")
    files = [out / "set" / json.loads(line)[1]["file"] for line in journal]
    return {file.name: file.stat().st_mtime_ns for file in files}


def _plates(inputs: Path) -> None:
    from tiny import make_plate_set

    make_plate_set(inputs / "plates", 16)


def _augment(inputs: Path) -> list[str]:
    return _lightning_plates("data", "augment", inputs / "plates", "-o", "set", "--workers", 2)


def _augmented(out: Path) -> Survivors:
    """Times of the copies of photos that the journal lists."""
    journal = _whole_lines(out / "set" / ".augment.jsonl")
    done = [Path(json.loads(line)["photo"]).stem for line in journal[1:]]
    copies = [file for stem in done for file in (out / "set").rglob(f"{stem}_*.jpg")]
    return {file.name: file.stat().st_mtime_ns for file in copies}


def _training(inputs: Path) -> None:
    _plates(inputs)
    init = {"backbone": "mobilenet_v3_small", "weights": "none", "width": 32, "height": 32,
            "schedule": "cosine"}  # fmt: skip
    model = {"class_path": "lightning_plates.models.lit_box_regressor.LitBoxRegressor",
             "init_args": init}  # fmt: skip
    trainer = {"max_epochs": 5, "accelerator": "cpu", "log_every_n_steps": 1}
    for name, own in (("plain", {"augment": "light"}), ("cached", {"cache_features": True})):
        data = {"init_args": {"path": str(inputs / "plates"), "batch_size": 4, **own}}
        settings = {"model": model, "data": data, "trainer": trainer}
        (inputs / f"{name}.yaml").write_text(yaml.safe_dump(settings))


def _fit(name: str) -> Callable[[Path], list[str]]:
    def words(inputs: Path) -> list[str]:
        return _lightning_plates("fit", "--config", inputs / f"{name}.yaml", "--run", "run",
                                 "--data.cache_dir", "features")  # fmt: skip

    return words


def _fitted(out: Path) -> Survivors:
    """Rows of the epochs that the last checkpoint holds, with their times: none is run again."""
    import torch

    last = out / "run" / "last.ckpt"
    if not last.exists():
        return {}
    epochs = torch.load(last, weights_only=True)["epoch"] + 1
    rows = _whole_lines(out / "run" / "epochs.csv")[1:]
    return {f"epoch {row.partition(',')[0]}": row for row in rows[:epochs]}


def _conversion(inputs: Path) -> None:
    from PIL import Image
    from tiny_onnx import save_conv_model

    inputs.mkdir(parents=True)
    save_conv_model(inputs / "tiny.onnx")
    (inputs / "photos").mkdir()
    rng = np.random.default_rng(1)
    for number in range(6):
        pixels = rng.integers(0, 256, (20, 30 + number, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(inputs / "photos" / f"{number}.png")


def _convert(inputs: Path) -> list[str]:
    return [sys.executable, "-m", "conversion", "all", str(inputs / "tiny.onnx"), "-o", "made",
            "--calibration", str(inputs / "photos"), "--only", "onnxruntime",
            "--min-iou", "0.5"]  # fmt: skip


def _converted(out: Path) -> Survivors:
    """Models that have a manifest, which is put in place last."""
    return {file.name: file.read_bytes() for file in (out / "made").glob("*.onnx.json")}


def _photos(inputs: Path) -> None:
    from drawn_plates import make_photos, save_finder

    inputs.mkdir(parents=True)
    make_photos(inputs / "photos", [f"BCR-{number}" for number in range(400, 424)])
    save_finder(inputs / "model.onnx")


def _read(inputs: Path) -> list[str]:
    return _lightning_plates("read", inputs / "photos", "--model", inputs / "model.onnx", "--csv",
                             "t.csv", "--save", "pictures", "--redact", "redacted",
                             "--at", "2026-11-25T07:30", "--workers", 2)  # fmt: skip


def _was_read(out: Path) -> Survivors:
    """Photos that the table has, each with the times of its pictures."""
    tables = [file for file in (out / "t.csv", out / "t.csv.partial") if file.exists()]
    if not tables:
        return {}
    rows = csv.DictReader(io.StringIO("\n".join(_whole_lines(tables[-1]))))
    stems = [Path(row["file"]).stem for row in rows]
    # The last photo may have rows that were not written yet, and is read again.
    folders = [out / "pictures", out / "redacted"]
    files = [folder / f"photos_{stem}.jpg" for stem in stems[:-1] for folder in folders]
    return {f"{file.parent.name}/{file.name}": _time(file) for file in files}


def _time(file: Path) -> object:
    """When it was written; one that is missing differs from everything, also from itself."""
    return file.stat().st_mtime_ns if file.exists() else object()


def _whole_lines(file: Path) -> list[str]:
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()


SCENARIOS = {
    "synthesise": Scenario(_nothing, _synthesise, (), _synthesised),
    "augment": Scenario(_plates, _augment, (), _augmented),
    "fit": Scenario(_training, _fit("plain"), ("--resume",), _fitted),
    "fit-cached": Scenario(_training, _fit("cached"), ("--resume",), _fitted),
    "convert": Scenario(_conversion, _convert, (), _converted),
    "read": Scenario(_photos, _read, ("--resume",), _was_read),
}
