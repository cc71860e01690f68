import csv

import pytest

from lightning_plates.bench.reference import peers, thesis_backbones, thesis_epochs


def test_the_thesis_figures_are_those_it_printed():
    vgg16 = thesis_backbones()["vgg16"]
    assert (vgg16.training_seconds, vgg16.iou50) == (266357, pytest.approx(0.782))
    assert sorted(thesis_backbones()) == ["inception_v3", "mobilenet_v2", "vgg16"]


def test_epochs_add_up_to_the_printed_training_time():
    seconds = [e.seconds for e in thesis_epochs() if e.backbone == "inception_v3"]
    assert len(seconds) == 17
    assert sum(seconds) == pytest.approx(54205, rel=1e-3)


def test_a_detector_has_no_reading_rate():
    assert {peer.exact for peer in peers() if peer.system.startswith("WPOD")} == {None}
    [simple] = [p for p in peers() if p.system.startswith("SimpleLPR") and p.set == "us"]
    assert (simple.iou50, simple.exact) == (pytest.approx(0.82), pytest.approx(0.40))


@pytest.mark.parametrize("name", ["backbones.csv", "epochs.csv", "peers.csv"])
def test_the_tables_are_the_given_ones(project_dir, shared_dir, name):
    packaged = project_dir / "lightning_plates" / "bench" / "reference" / name
    with packaged.open() as ours, (shared_dir / "reference" / name).open() as given:
        assert list(csv.reader(ours)) == list(csv.reader(given))
