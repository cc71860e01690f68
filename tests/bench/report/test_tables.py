import pytest

from lightning_plates.bench.accuracy import PhotoScore
from lightning_plates.bench.report.run_folder import RunResult
from lightning_plates.bench.report.tables import accuracy_table, cost_table, time_ratio


@pytest.fixture
def make_run(tmp_path):
    def make(label, backbone="vgg16", protocol="grouped", ious=(0.9, 0.6, 0.1), **more):
        box = (0.0, 0.0, 10.0, 5.0)
        scores = tuple(PhotoScore(f"{i}.jpg", iou, 1.0, box, box) for i, iou in enumerate(ious))
        return RunResult(
            label, tmp_path / label, backbone=backbone, protocol=protocol, scores=scores, **more
        )

    return make


def test_shares_stand_above_the_published_figure_of_the_same_backbone(make_run):
    table = accuracy_table([make_run("mine"), make_run("other", backbone="mobilenet_v2")])
    column = table.columns.index("IoU ≥ 0.5")
    assert [(row.cells[0], row.cells[column], row.published) for row in table.rows] == [
        ("mine", "66.7 %", False),
        ("vgg16 (thesis, published)", "78.2 %", True),
        ("other", "66.7 %", False),
        ("mobilenet_v2 (thesis, published)", "69.7 %", True),
    ]


@pytest.mark.parametrize("make_table", [accuracy_table, cost_table])
def test_every_row_says_its_split_and_leaky_ones_are_marked(make_run, make_table):
    runs = [make_run("a", protocol="thesis", leaks=True), make_run("b"), make_run("c", protocol="")]
    table = make_table(runs)
    column = table.columns.index("split protocol")
    assert {row.cells[0]: row.cells[column] for row in table.rows} == {
        "a": "thesis ⚠ leaks",
        "b": "grouped",
        "c": "unknown",
        "vgg16 (thesis, published)": "thesis ⚠ leaks",
    }
    assert all(len(row.cells) == len(table.columns) for row in table.rows)


def test_a_backbone_that_the_thesis_did_not_use_stands_alone(make_run):
    assert len(accuracy_table([make_run("x", backbone="efficientnet_b0")]).rows) == 1


def test_leaks_are_explained_where_a_row_has_one(make_run):
    clean, leaky = make_run("a", backbone="x"), make_run("b", backbone="x", leaks=True)
    explained = [any("leaks:" in note for note in accuracy_table(runs).notes)
                 for runs in ([clean], [leaky], [make_run("c")])]  # fmt: skip
    assert explained == [False, True, True]


def test_losses_of_another_kind_share_a_note(make_run):
    runs = [make_run("a", loss="ciou"), make_run("b", loss="ciou"), make_run("c", loss="mse")]
    notes = [note for note in accuracy_table(runs).notes if "ciou" in note]
    assert notes == ["a, b: the loss is ciou, not mean squared error as in the thesis."]


def test_an_unfinished_run_is_listed_with_the_reason(make_run):
    table = accuracy_table([make_run("x", ious=(), unfinished="it has no run.json yet")])
    assert table.rows[0].cells[2:6] == ("–", "–", "–", "–")
    assert "x: it has no run.json yet." in table.notes


def test_different_validation_photos_are_said(make_run):
    same = [make_run("a"), make_run("b")]
    assert not any("different photos" in note for note in accuracy_table(same).notes)
    [note] = [
        note
        for note in accuracy_table([*same, make_run("c", ious=(0.5,))]).notes
        if "different photos" in note
    ]
    assert note.endswith("Validated on the same photos: a, b; c.")


def test_keras_accuracy_is_a_column_only_where_it_was_logged(make_run):
    assert "keras_accuracy" not in accuracy_table([make_run("a")]).columns
    table = accuracy_table([make_run("a", metrics={"keras_accuracy": 0.5}), make_run("b")])
    assert table.columns[-1] == "keras_accuracy"
    assert [row.cells[-1] for row in table.rows] == ["50.0 %", "–", "95.5 %"]


def test_training_time_is_a_multiple_of_mobilenets_on_the_same_machine(make_run):
    small = make_run(
        "s", backbone="mobilenet_v2", training_seconds=10.0, machine="A", feature_cache=True
    )
    large = make_run("l", training_seconds=25.0, machine="A", feature_cache=True)
    elsewhere = make_run("e", training_seconds=25.0, machine="B", feature_cache=True)
    uncached = make_run("u", training_seconds=25.0, machine="A")
    leaky = make_run("k", training_seconds=25.0, machine="A", feature_cache=True, protocol="thesis")
    runs = [small, large, elsewhere, uncached, leaky]
    assert [time_ratio(run, runs) for run in runs] == [1.0, 2.5, None, None, None]


def test_processor_time_is_compared_where_both_have_it(make_run):
    # The machine was busy while the small one trained.
    small = make_run("s", backbone="mobilenet_v2", training_seconds=50.0, cpu_seconds=10.0)
    large = make_run("l", training_seconds=50.0, cpu_seconds=30.0)
    on_gpu = make_run("g", training_seconds=100.0)
    assert [time_ratio(run, [small]) for run in (large, on_gpu)] == [3.0, 2.0]


def test_published_times_are_multiples_of_the_published_mobilenet(make_run):
    table = cost_table([make_run("a", training_seconds=7.0, machine="A")])
    seconds = table.columns.index("training time")
    [published] = [row.cells for row in table.rows if row.published]
    # 266,357 s against 18,255 s.
    assert published[seconds : seconds + 4] == ("266,357 s", "–", "14.59", "the thesis' own")
    assert any("different machines" in note for note in table.notes)
