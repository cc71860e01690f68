import pytest
from tiny_onnx import save_constant_scored_model

from lightning_plates.__main__ import main
from lightning_plates.data.annotations import boxes_csv, read_annotations
from lightning_plates.data.annotations.record import BoxRecord

SEEN = [[0.25, 0.25, 0.5, 0.375], [0.7, 0.7, 0.9, 0.8]]
"""What the finder answers for every photo, in 0–1."""


@pytest.fixture
def finder(tmp_path):
    return save_constant_scored_model(tmp_path / "finder.onnx", SEEN, [0.9, 0.6])


@pytest.fixture
def site(tmp_path, make_photo_set):
    """Labels for both plates, a loose one for the first, and none."""
    first, second = BoxRecord(32, 32, 64, 48), BoxRecord(90, 90, 115, 102)
    boxes = {
        "both.png": (first, second),
        "loose.png": (BoxRecord(20, 20, 70, 60),),
        "none.png": (),
    }
    annotations = make_photo_set(tmp_path / "site", boxes, size=(128, 128))
    boxes_csv.write(annotations, annotations.root)
    return annotations.root


def test_what_lies_beside_all_labels_is_written(tmp_path, finder, site, capsys):
    out = tmp_path / "out" / "missing.csv"
    words = [str(site), "--model", str(finder), "-o", str(out), "--look", "1"]
    assert main(["data", "unlabelled", *words]) == 0
    found = read_annotations(out, photos=site)
    # A loose label of the same plate is another opinion, not a missing label.
    assert [(photo.file, len(photo.boxes)) for photo in found.photos] == [
        ("loose.png", 1),
        ("none.png", 2),
    ]
    expected = [value * 128 for value in SEEN[1]]
    assert found.photos[0].boxes[0].xyxy == pytest.approx(expected, abs=0.01)
    assert "3 boxes without a label in 2 of 3 photos" in capsys.readouterr().out


def test_unsure_boxes_are_left_out_on_request(tmp_path, finder, site):
    out = tmp_path / "missing.csv"
    words = [str(site), "--model", str(finder), "-o", str(out), "--look", "1"]
    assert main(["data", "unlabelled", *words, "--min-confidence", "0.7"]) == 0
    assert [(p.file, len(p.boxes)) for p in read_annotations(out, photos=site).photos] == [
        ("none.png", 1)
    ]


def test_nothing_is_written_where_every_plate_is_labelled(tmp_path, finder, site, capsys):
    out = tmp_path / "missing.csv"
    words = [str(site), "--model", str(finder), "-o", str(out), "--only", "both"]
    assert main(["data", "unlabelled", *words, "--look", "1"]) == 0
    assert not out.exists()
    assert "nothing is written" in capsys.readouterr().out


def test_a_second_table_beside_the_labels_is_refused(finder, site, capsys):
    before = (site / "boxes.csv").read_bytes()
    for output in (site, site / "boxes.csv", site / "missing.csv"):
        words = [str(site), "--model", str(finder), "-o", str(output)]
        assert main(["data", "unlabelled", *words]) == 2
        assert "write it elsewhere" in capsys.readouterr().err
    assert (site / "boxes.csv").read_bytes() == before
