import csv
import json

import numpy as np
import pytest
from PIL import Image

from lightning_plates.__main__ import main
from lightning_plates.bench.report.pictures import GAP

COLUMNS = [
    "file", "source", "iou", "centre_error_px",
    "predicted_x1", "predicted_y1", "predicted_x2", "predicted_y2",
    "true_x1", "true_y1", "true_x2", "true_y2",
]  # fmt: skip
TRUE = (20, 20, 60, 40)
PREDICTED = {"best.png": TRUE, "middle.png": (20, 20, 60, 60), "worst.png": (60, 40, 80, 50)}
IOUS = {"best.png": 1.0, "middle.png": 0.5, "worst.png": 0.0}


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for file in PREDICTED:
        Image.new("RGB", (100, 80), (120, 120, 120)).save(folder / file)
    return folder


@pytest.fixture
def make_run(tmp_path, photos):
    """Writes the files of a finished fit as ``fit`` does."""

    def make(name, backbone="vgg16", protocol="grouped", shared_sources=0, loss="mse"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        with (folder / "per_photo.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            for file, box in PREDICTED.items():
                writer.writerow([file, file, IOUS[file], 3.0, *box, *TRUE])
        (folder / "epochs.csv").write_text(
            "epoch,seconds,train/loss,val/loss,val/keras_accuracy\n1,2,0.5,0.6,0.1\n2,2,0.25,0.3,0.9\n"
        )
        record = {
            "name": backbone,
            "parameters": {"total": 17938756, "backbone": 14714688, "head": 3224068},
            "epochs": 2,
            "train_seconds": 4.0,
            "preparation_seconds": 6.0,
            "cpu_seconds": 18.0,
            "divisions": [
                {"path": str(photos), "protocol": protocol, "shared_sources": shared_sources}
            ],
            "machine": {"processor": "Z80", "cores": 2, "accelerator": "none"},
            "settings": {
                "model": {"init_args": {"unfreeze_epoch": None, "loss": loss}},
                "data": {"init_args": {"cache_features": True}},
            },
        }
        (folder / "run.json").write_text(json.dumps(record))
        return folder

    return make


@pytest.fixture
def compare(tmp_path, capsys):
    def run(*folders):
        words = ["compare", *map(str, folders), "-o", str(tmp_path / "report")]
        return main(words), capsys.readouterr()

    return run


def rows_of(markdown, heading):
    part = markdown.partition(f"## {heading}")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def test_tables_stand_beside_the_thesis(tmp_path, make_run, compare):
    status, captured = compare(make_run("mine"))
    assert (status, captured.err) == (0, "")
    report = tmp_path / "report" / "report.md"
    assert captured.out.splitlines() == [str(report), str(report.with_suffix(".html"))]
    [mine, thesis] = rows_of(report.read_text(), "How well the boxes fit")
    assert mine == {
        "run": "mine", "split protocol": "grouped", "val photos": "3", "IoU ≥ 0.5": "66.7 %",
        "IoU ≥ 0.7": "33.3 %", "mean IoU": "0.500", "centre error px": "3.0",
        "train loss": "0.250000", "val loss": "0.300000", "keras_accuracy": "90.0 %",
    }  # fmt: skip
    assert thesis["IoU ≥ 0.5"] == "*78.2 %*"
    assert thesis["split protocol"] == "*thesis ⚠ leaks*"
    [cost, _] = rows_of(report.read_text(), "What training cost")
    assert (cost["trainable"], cost["frozen"]) == ("3,224,068", "14,714,688")
    assert (cost["training time"], cost["CPU time"], cost["machine"]) == (
        "10 s", "18 s", "Z80, 2 cores"
    )  # fmt: skip


def test_a_leaky_split_is_marked(tmp_path, make_run, compare):
    compare(make_run("a", protocol="thesis", shared_sources=9), make_run("b"))
    text = (tmp_path / "report" / "report.md").read_text()
    for heading in ("How well the boxes fit", "What training cost"):
        rows = rows_of(text, heading)
        assert [row["split protocol"] for row in rows[:2]] == ["thesis ⚠ leaks", "grouped"]


def test_pictures_show_best_median_and_worst(tmp_path, make_run, compare):
    compare(make_run("mine"))
    with Image.open(tmp_path / "report" / "pictures" / "mine.jpg") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    red = (pixels[..., 0] > 170) & (pixels[..., 1] < 90) & (pixels[..., 2] < 90)
    green = (pixels[..., 1] > 120) & (pixels[..., 0] < 90) & (pixels[..., 2] < 90)
    width = (pixels.shape[1] - 2 * GAP) // 3
    tiles = [slice(n * (width + GAP), n * (width + GAP) + width) for n in range(3)]
    shown = [(red[:, tile].any(), green[:, tile].any()) for tile in tiles]
    # On the best photo both boxes are the same, and the prediction is drawn last.
    assert shown == [(True, False), (True, True), (True, True)]


def test_pages_hold_their_pictures(tmp_path, make_run, compare):
    compare(make_run("mine"), make_run("small", backbone="mobilenet_v2"))
    folder = tmp_path / "report"
    page = (folder / "report.html").read_text()
    charts = sorted(file.name for file in (folder / "charts").iterdir())
    assert charts == ["iou50.png", "training_time.png", "val_loss.png"]
    assert page.count("data:image/png;base64,") == 3
    assert page.count("data:image/jpeg;base64,") == 2
    text = (folder / "report.md").read_text()
    for name in ("charts/iou50.png", "pictures/mine.jpg", "pictures/small.jpg"):
        assert f"]({name})" in text
        assert (folder / name).stat().st_size > 1000


def test_a_loss_of_another_kind_is_said_and_not_drawn(tmp_path, make_run, compare):
    compare(make_run("mine", loss="ciou"))
    folder = tmp_path / "report"
    assert "mine: the loss is ciou, not mean squared error" in (folder / "report.md").read_text()
    assert not (folder / "charts" / "val_loss.png").exists()


def test_an_unfinished_run_stands_beside_finished_ones(tmp_path, make_run, compare):
    half = make_run("half")
    (half / "run.json").unlink()
    (half / "config.yaml").write_text("model: {init_args: {backbone: vgg16}}")
    status, _ = compare(half, make_run("whole"))
    text = (tmp_path / "report" / "report.md").read_text()
    rows = rows_of(text, "How well the boxes fit")
    assert status == 0
    assert [(row["run"], row["IoU ≥ 0.5"]) for row in rows[:2]] == [
        ("half", "–"), ("whole", "66.7 %")
    ]  # fmt: skip
    assert "half: unfinished, 2 epochs so far" in text
    assert f"--run {half} --resume" in text


def test_missing_photos_are_said_and_the_tables_remain(tmp_path, photos, make_run, compare):
    (photos / "worst.png").unlink()
    status, _ = compare(make_run("mine"))
    text = (tmp_path / "report" / "report.md").read_text()
    assert status == 0
    assert "mine: no pictures, because a photo cannot be read" in text
    assert "66.7 %" in text


def test_runs_of_the_same_name_are_told_apart(tmp_path, make_run, compare):
    compare(make_run("x/run"), make_run("y/run"))
    rows = rows_of((tmp_path / "report" / "report.md").read_text(), "How well the boxes fit")
    assert [row["run"] for row in rows[:2]] == ["x/run", "y/run"]
    pictures = tmp_path / "report" / "pictures"
    assert sorted(file.name for file in pictures.iterdir()) == ["x-run.jpg", "y-run.jpg"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda run: (run / "run.json").write_text("{"), "run.json: damaged"),
        (lambda run: (run / "run.json").write_text("[]"), "not the record of a fit"),
        (lambda run: (run / "run.json").write_text("{}"), "not the record of a fit"),
        (lambda run: (run / "run.json").unlink(), "not a run of fit"),
        (lambda run: (run / "per_photo.csv").unlink(), "per_photo.csv: cannot be read"),
        (lambda run: (run / "per_photo.csv").write_text("file,iou\na,b\n"), "per_photo.csv line 2"),
        (lambda run: run.rename(run.with_name("moved")), "no such folder"),
    ],
)
def test_bad_runs_are_one_line(tmp_path, make_run, compare, damage, reason):
    run = make_run("mine")
    damage(run)
    status, captured = compare(run)
    assert status == 2
    assert reason in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "report").exists()


def test_an_output_that_is_a_file_is_one_line(tmp_path, make_run, compare):
    (tmp_path / "report").write_text("mine")
    status, captured = compare(make_run("mine"))
    assert (status, captured.err.count("\n")) == (2, 1)
    assert (tmp_path / "report").read_text() == "mine"
