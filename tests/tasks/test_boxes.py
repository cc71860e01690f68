import numpy as np
import pytest

from lightning_plates.boxes import Detection
from lightning_plates.errors import ModelError, SpecError
from lightning_plates.placement import place
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks import list_tasks, task_named, task_of

BOX = task_named("box")
DETECTION = task_named("detection")
CLASSES = ModelSpec("cars", 100, 100, task="detection", classes=("car", "bus"))
NEAR, FAR = [0.1, 0.1, 0.3, 0.2], [0.6, 0.6, 0.9, 0.8]


def test_a_task_exists_because_its_file_does():
    assert list_tasks()["box"] is BOX
    assert task_of(CLASSES) is DETECTION
    with pytest.raises(SpecError, match=r"unknown task 'juggling' \(this version has: box, "):
        task_named("juggling")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"score_threshold": 1.5}, "score_threshold: expected `float` <= 1"),
        ({"score_threshold": "high"}, "score_threshold: expected `float`, got `str`"),
        ({"speed": 1}, "task detection has no option 'speed'"),
        (
            {"margin": {"width_scale": 0, "height_scale": 1}},
            r"margin\.width_scale: expected `float` >= 1e-06",
        ),
        ({"margin": {"width_scale": 1}}, "height_scale"),
    ],
)
def test_unsound_options_are_refused(options, reason):
    spec = ModelSpec("finder", 8, 8, task="detection", options=options)
    with pytest.raises(SpecError, match=reason):
        DETECTION.check(spec)


def test_boxes_of_several_classes_suppress_only_their_own():
    outputs = {
        "boxes": np.array([[NEAR, NEAR, NEAR, FAR]]),
        "scores": np.array([[0.7, 0.9, 0.8, 0.6]]),
        "classes": np.array([[0, 1, 0, 0]]),
    }
    [found] = DETECTION.decode(outputs, CLASSES, [place(100, 100, CLASSES)])
    assert [(one.class_name, one.confidence) for one in found] == [
        ("bus", 0.9), ("car", 0.8), ("car", 0.6),
    ]  # fmt: skip


@pytest.mark.parametrize("number", [-1, 2, np.nan])
def test_a_class_without_a_name_is_the_models_fault(number):
    outputs = {
        "boxes": np.array([[NEAR]]), "scores": np.array([[0.9]]), "classes": np.array([[number]]),
    }  # fmt: skip
    with pytest.raises(ModelError):
        DETECTION.decode(outputs, CLASSES, [place(9, 9, CLASSES)])


def test_an_output_of_another_shape_is_named():
    spec = ModelSpec("net", 8, 8)
    with pytest.raises(ModelError, match=r"'box' has shape \(1, 5\), expected \(N, 4\)"):
        BOX.decode({"box": np.zeros((1, 5))}, spec, [place(9, 9, spec)])


@pytest.mark.parametrize(
    "answer",
    [
        (),
        (Detection((1.0, 2.0, 3.0, 4.0), None),),
        (Detection((1.0, 2.0, 3.0, 4.0), 0.5, "car"), Detection((0.0, 0.0, 1.0, 1.0), 0.25, "bus")),
    ],
)
def test_answers_survive_packing(answer):
    assert DETECTION.unpack(DETECTION.pack(answer)) == answer


def test_packed_answers_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match="shape"):
        DETECTION.unpack({"boxes": np.zeros((2, 3)), "confidences": np.zeros(2)})


def test_likeness_counts_overlap_class_and_silence():
    car, bus = (Detection((0, 0, 10, 10), 0.9, kind) for kind in ("car", "bus"))
    half = Detection((0, 0, 10, 5), 0.6, "car")
    assert DETECTION.agree((car,), (half,), CLASSES).value == pytest.approx(0.5)
    assert DETECTION.agree((car,), (half,), CLASSES).score_difference == pytest.approx(0.3)
    assert DETECTION.agree((car,), (bus,), CLASSES).value == 0
    nothing = DETECTION.agree((), (), CLASSES)
    assert (nothing.value, nothing.answered) == (1.0, False)


def test_the_score_is_the_share_of_photos_whose_best_box_overlaps_a_label():
    near = Detection((0.0, 0.0, 10.0, 10.0), None)
    labels = (np.array([[50.0, 50, 60, 60], [0, 0, 10, 12]]), np.array([[40.0, 40, 50, 50]]))
    score = BOX.score([(near,), (near,)], labels)
    assert score.headline == 0.5
    assert [row["iou"] for row in score.rows] == pytest.approx([10 / 12, 0])
    assert BOX.score([(near,), ()], labels).headline == 0.5


def test_a_drawing_shows_the_box_and_leaves_the_photo_alone():
    photo = np.zeros((60, 80, 3), dtype=np.uint8)
    drawn = DETECTION.draw(photo, (Detection((10, 20, 40, 50), 0.5),))
    assert drawn[20, 25, 0] > 150
    assert photo.max() == 0


def test_records_and_sentences_name_class_and_confidence():
    answer = (Detection((1.0, 2.0, 3.0, 4.0), 0.5, "car"),)
    assert DETECTION.record(answer) == {
        "plates": [{"box": [1.0, 2.0, 3.0, 4.0], "confidence": 0.5, "class": "car"}]
    }
    assert DETECTION.describe(answer) == "car at x 1–3, y 2–4 px (50%)"
    assert DETECTION.describe(()) == "no plate found"
