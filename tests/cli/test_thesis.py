import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from lightning_plates.__main__ import main
from lightning_plates.bench.thesis.plan import Layout, Settings, list_steps
from lightning_plates.data.annotations import boxes_csv, read_annotations
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.data.split import make_split, write_split

BACKBONES = ("mobilenet_v2", "inception_v3", "vgg16")
OPTIONS = ["--count", "4", "--keep", "12", "--epochs", "2", "--unseen", "4"]
SETTINGS = Settings(count=4, keep=12, epochs=2, unseen=4)
COLUMNS = [
    "file", "source", "iou", "centre_error_px",
    "predicted_x1", "predicted_y1", "predicted_x2", "predicted_y2",
    "true_x1", "true_y1", "true_x2", "true_y2",
]  # fmt: skip


def write_scores(target, files, good):
    """As many good boxes as ``good``; the others miss."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for number, file in enumerate(files):
            writer.writerow([file, file, 0.9 if number < good else 0.1, 1.0, *[1, 1, 9, 5] * 2])


def write_run(folder, backbone, protocol, copies, files, good):
    write_scores(folder / "per_photo.csv", files, good)
    (folder / "epochs.csv").write_text("epoch,train/loss,val/loss\n2,0.1,0.2\n")
    record = {
        "name": backbone, "epochs": 2, "train_seconds": 1.0, "preparation_seconds": 1.0,
        "cpu_seconds": 3.0, "parameters": {"total": 10, "backbone": 6, "head": 4},
        "divisions": [{
            "path": str(copies), "protocol": protocol,
            "shared_sources": 4 * (protocol == "thesis"),
        }],
        "machine": {"processor": "Z80", "cores": 1, "accelerator": "none"},
        "settings": {
            "model": {"init_args": {"loss": "mse"}}, "data": {"init_args": {}},
        },
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record))


@pytest.fixture
def finished(tmp_path, make_photo_set):
    """An experiment whose every step is done, with figures that are known."""
    layout = Layout(tmp_path / "experiment")
    boxes = {f"{n // 3}-{n % 3}.png": (BoxRecord(10, 10, 40, 25),) for n in range(12)}
    copies = make_photo_set(layout.copies, boxes)
    boxes_csv.write(copies, layout.copies)
    for folder in (layout.photos, layout.unseen):
        boxes_csv.write(make_photo_set(folder, {"a.png": (BoxRecord(1, 1, 9, 5),)}), folder)
    for protocol, good in (("thesis", 4), ("grouped", 2)):
        write_split(make_split(copies, protocol, (0.75, 0.25, 0.0)), layout.split(protocol))
        for backbone in BACKBONES:
            files = list(boxes)[:4]
            run = layout.run(backbone, protocol)
            write_run(run, backbone, protocol, layout.copies, files, good)
            others = layout.others(backbone, protocol, layout.unseen)
            write_scores(others / "per_photo.csv", ["a.png"] * 4, 1)
    for step in list_steps(SETTINGS, layout, BACKBONES):
        layout.stamps.mkdir(exist_ok=True)
        (layout.stamps / f"{step.name}.json").write_text("{}")
    return layout


def thesis(layout, *more):
    return main(["thesis", "-o", str(layout.root), *OPTIONS, *more])


def test_what_is_done_is_skipped_and_reported(finished, capsys):
    assert thesis(finished) == 0
    lines = capsys.readouterr().out.splitlines()
    done = [line.removeprefix("done already: ") for line in lines[:-2]]
    assert done == [step.name for step in list_steps(SETTINGS, finished, BACKBONES)]
    assert lines[-2:] == [str(finished.report / f"report.{kind}") for kind in ("md", "html")]


def test_the_report_sets_the_leaky_split_against_the_others(finished):
    thesis(finished)
    text = (finished.report / "report.md").read_text()
    part = text.partition("## How much of the published figure is leakage")[2]
    rows = [line for line in part.splitlines() if line.startswith(("| vgg16", "| *vgg16"))][:3]
    assert rows == [
        "| vgg16-thesis | thesis ⚠ leaks | 100.0 % (0.90) | 25.0 % (0.30) |",
        "| vgg16-grouped | grouped | 50.0 % (0.50) | 25.0 % (0.30) |",
        "| *vgg16 (thesis, published)* | *thesis ⚠ leaks* | *78.2 %* | *–* |",
    ]
    assert "split thesis, seed 0" in text
    assert "12 copies kept" in text
    with Image.open(finished.report / "charts" / "leakage.png") as chart:
        assert chart.width > 500


def test_only_the_named_backbones_are_trained(finished, capsys):
    assert thesis(finished, "--backbones", "vgg16") == 0
    out = capsys.readouterr().out
    assert "fit-vgg16-grouped" in out
    assert "mobilenet_v2" not in out
    assert "mobilenet_v2-thesis" not in (finished.report / "report.md").read_text()


def test_other_settings_are_refused(finished, capsys):
    thesis(finished)
    before = (finished.report / "report.md").read_bytes()
    capsys.readouterr()
    assert thesis(finished, "--epochs", "3") == 2
    error = capsys.readouterr().err
    assert "begun with epochs 2, now it is 3" in error
    assert error.count("\n") == 1
    assert (finished.report / "report.md").read_bytes() == before


def test_a_lost_result_is_made_again(finished, capfd):
    split = finished.split("grouped")
    split.unlink()
    assert thesis(finished) == 0
    out = capfd.readouterr().out
    assert out.count("== ") == 1
    assert "== split-grouped" in out
    assert split.exists()


def test_missing_weights_are_said_before_anything_is_made(tmp_path, capsys):
    root = tmp_path / "new"
    status = main(["thesis", "-o", str(root), "--weights-dir", str(tmp_path)])
    error = capsys.readouterr().err
    assert status == 2
    assert "mobilenet_v2.safetensors: no such file" in error
    assert "--weights-dir DIR" in error
    assert error.count("\n") == 1
    assert not root.exists()


@pytest.mark.parametrize(
    ("also", "reason"),
    [(["gone"], "gone: no such file or folder"), (["a/x", "b/x"], "same name")],
)
def test_bad_other_sets_are_one_line(finished, capsys, also, reason):
    assert thesis(finished, "--also", *also) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1


def test_the_plan_trains_each_backbone_alike_on_both_splits(tmp_path):
    layout = Layout(Path("out"))
    steps = {step.name: step.words for step in list_steps(Settings(), layout, BACKBONES)}
    fits = {name: words for name, words in steps.items() if name.startswith("fit-")}
    assert list(fits) == [f"fit-{b}-{p}" for b in BACKBONES for p in ("thesis", "grouped")]
    for backbone in BACKBONES:
        leaky, clean = (fits[f"fit-{backbone}-{p}"] for p in ("thesis", "grouped"))
        changed = {(a, b) for a, b in zip(leaky, clean, strict=True) if a != b}
        assert changed == {
            (f"out/runs/{backbone}-thesis", f"out/runs/{backbone}-grouped"),
            ("out/split-thesis.csv", "out/split-grouped.csv"),
        }
    assert steps["copies"][-4:] == ("--keep", "5069", "--seed", "0")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_experiment_runs_from_nothing_to_the_report(tmp_path, shared_dir, capfd):
    root = tmp_path / "experiment"
    weights = ["--weights-dir", str(shared_dir / "data" / "weights")]
    assert main(["thesis", "-o", str(root), *OPTIONS, *weights]) == 0
    assert len(read_annotations(root / "copies").photos) == 12
    assert "done already" not in capfd.readouterr().out
    first = (root / "report" / "report.md").read_bytes()
    assert main(["thesis", "-o", str(root), *OPTIONS, *weights]) == 0
    assert "== " not in capfd.readouterr().out
    assert (root / "report" / "report.md").read_bytes() == first
