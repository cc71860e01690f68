import pytest

from lightning_plates.__main__ import main
from lightning_plates.data.annotations import boxes_csv
from lightning_plates.data.annotations.record import BoxRecord


@pytest.fixture(autouse=True)
def one_core(monkeypatch):
    """Fresh processes have their own tests; here they would only cost their start."""
    monkeypatch.setattr("lightning_plates.data.workers.core_count", lambda: 1)


@pytest.fixture
def data(capsys):
    """Run ``data …`` as the command line does; gives status, standard output and error."""

    def run(*words):
        status = main(["data", *map(str, words)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def labelled(tmp_path, make_photo_set):
    """Nine labelled PNGs in a folder."""
    boxes = {f"p{n}.png": (BoxRecord(30, 20, 60, 40, text=f"BCR00{n}"),) for n in range(9)}
    annotations = make_photo_set(tmp_path / "set", boxes)
    boxes_csv.write(annotations, annotations.root)
    return annotations.root


@pytest.fixture
def spoilt(labelled):
    """The same with one of each kind of unusable photo in it."""
    sound = (labelled / "p0.png").read_bytes()
    (labelled / "p1.png").write_bytes(sound[:100])
    (labelled / "p2.png").write_bytes(b"")
    (labelled / "p3.png").write_text("no photo")
    (labelled / "p4.png").unlink()
    with (labelled / "boxes.csv").open("a") as stream:
        stream.write("p5.png,96,64,60,20,30,40,,\n")
    return labelled
