import datetime as dt

import cv2
import numpy as np
import pytest

from lightning_plates.boxes import Detection
from lightning_plates.reading.answers import Plate
from lightning_plates.reading.calibration import IDENTITY
from lightning_plates.reading.pipeline import LastDigit, PlateReading, ReadingRules
from lightning_plates.reading.plate_text import PlateText
from lightning_plates.reading.rules.formats import PlateFormat
from lightning_plates.reading.video import video as video_module
from lightning_plates.reading.video.stream import Frame, StreamOptions, frames_of
from lightning_plates.reading.video.tracking import PlateTracker
from lightning_plates.reading.video.video import VideoReader

pytest.importorskip("norfair", reason="the extra 'video' is not installed")

PRIVATE = PlateFormat("costa_rica/private", "private", ("ABC",) * 3 + ("0123456789",) * 3, (3,))
NOON = dt.datetime(2026, 11, 25, 12, 0)  # a Wednesday
BLANK = np.zeros((120, 320, 3), dtype=np.uint8)


def reading(text, x=50.0, confidence=0.9, digits_only=False):
    digit = int(text[-1]) if text and text[-1].isdigit() else None
    fits = PRIVATE if len(text) == 6 else None
    return PlateReading(
        Detection((x, 40.0, x + 40, 60.0), 0.9),
        None if digits_only else PlateText(text, (confidence,) * len(text), fits),
        LastDigit(digit, confidence if digit is not None else 0.0),
        fits,
    )


def run(per_frame, rules=None, show=None, gaps=(), patience=3):
    """Vehicles of a video whose frame ``i`` is read as ``per_frame[i]``."""
    answers = iter(per_frame)
    reader = VideoReader(
        lambda _image: next(answers),
        rules or ReadingRules((PRIVATE,), IDENTITY),
        lambda: NOON,
        PlateTracker(patience),
        **({"show": show} if show else {}),
    )
    frames = [Frame(BLANK, i, i / 5, i in gaps) for i in range(len(per_frame))]
    return list(reader.vehicles(frames))


def test_the_reads_of_one_vehicle_are_one_answer_with_how_many_agreed():
    texts = ["BCR456", "BCR456", "8CR456", "BCR456", "BCR4S6"]
    [vehicle] = run([[reading(text, 50 + 12 * i)] for i, text in enumerate(texts)])

    assert vehicle.plate.text.text == "BCR456"
    assert vehicle.plate.text.display == "BCR-456"
    assert (vehicle.frames_agreeing, vehicle.frames) == (3, 5)
    assert (vehicle.first_s, vehicle.last_s) == (0.0, 0.8)
    assert vehicle.plate.last_digit.digit == 6


def test_the_box_is_that_of_the_surest_frame():
    sure = [0.5, 0.95, 0.6]
    [vehicle] = run([[reading("BCR456", 50 + 12 * i, c)] for i, c in enumerate(sure)])

    assert vehicle.frame_number == 1
    assert vehicle.plate.detection.box[0] == 62


def test_two_vehicles_are_two_answers_and_one_that_left_is_answered_at_once():
    frames = [[reading("BCR456"), reading("LKM207", 250)]] * 2 + [[reading("LKM207", 250)]] * 9
    first, second = run(frames)

    assert (first.plate.text.text, first.frames) == ("BCR456", 2)
    assert (second.plate.text.text, second.frames) == ("LKM207", 11)


def test_a_gap_ends_every_vehicle():
    first, second = run([[reading("BCR456")]] * 6, gaps={3})

    assert (first.frames, second.frames) == (3, 3)
    assert first.vehicle != second.vehicle


def test_an_unsure_vote_withholds_the_digit_and_the_verdict():
    rules = ReadingRules((PRIVATE,), IDENTITY, min_confidence=0.8)
    [vehicle] = run([[reading("BCR456")], [reading("BCR458")]], rules)

    assert vehicle.plate.last_digit.digit is None
    assert vehicle.plate.last_digit.confidence == pytest.approx(0.45)
    assert vehicle.plate.verdict is None


@pytest.mark.parametrize("digits_only", [False, True])
def test_one_frame_is_no_answer_but_two_are(calendar, digits_only):
    rules = ReadingRules((), IDENTITY, calendar, min_confidence=0.8, digits_only=digits_only)
    frame = [reading("8", confidence=0.99, digits_only=digits_only)]
    [once], [twice] = run([frame], rules), run([frame] * 2, rules)

    assert (once.frames, once.plate.last_digit.digit, once.plate.verdict) == (1, None, None)
    assert once.plate.last_digit.confidence == pytest.approx(0.99)
    assert Plate.of(once.plate).last_digit is None
    assert twice.plate.last_digit.digit == 8
    assert twice.plate.verdict is not None


def test_a_digit_that_only_one_of_the_frames_saw_is_unsure():
    [vehicle] = run([[reading("BCR")], [reading("BCR")], [reading("BCR456")]])

    assert vehicle.frames == 3
    assert vehicle.plate.last_digit.digit is None


@pytest.mark.parametrize(
    ("confidence", "frames", "absent"), [(0.95, 2, True), (0.95, 1, False), (0.5, 5, False)]
)
def test_only_a_sure_text_of_two_frames_is_said_to_hold_no_digit(confidence, frames, absent):
    rules = ReadingRules((), IDENTITY, min_confidence=0.8)
    [vehicle] = run([[reading("VACVAN", confidence=confidence)]] * frames, rules)

    assert (vehicle.plate.last_digit.digit, vehicle.plate.last_digit.absent) == (None, absent)


def test_digits_only_never_assembles_a_text():
    rules = ReadingRules((PRIVATE,), IDENTITY, digits_only=True)
    [vehicle] = run([[reading("BCR456", digits_only=True)]] * 4, rules)

    assert vehicle.plate.text is None
    assert vehicle.plate.last_digit.digit == 6
    assert vehicle.plate.format == PRIVATE
    assert (vehicle.frames_agreeing, vehicle.frames) == (4, 4)


def test_a_box_in_one_frame_with_nothing_in_it_is_noise_but_two_are_an_unread_vehicle():
    assert run([[], [reading("")], [], []]) == []
    [vehicle] = run([[reading("")], [reading("")]])
    assert (vehicle.plate.text.text, vehicle.frames) == ("", 0)


def test_a_parked_car_is_answered_once_although_it_stays(monkeypatch):
    monkeypatch.setattr(video_module, "MOST_READS", 5)
    shown = []

    vehicles = run(
        [[reading("BCR456")]] * 20, show=lambda frame, _plates: shown.append(frame.number)
    )

    assert [vehicle.frames for vehicle in vehicles] == [5]
    assert shown == list(range(20))


def test_no_plate_is_no_vehicle():
    assert run([[], [], []]) == []
    assert run([]) == []


def find_rectangle(image):
    """A reader that knows where yellow is, and reads it wrong in every third sampled frame."""
    rows, columns = np.nonzero((image[..., 0] > 180) & (image[..., 2] < 100))
    if columns.size == 0:
        return []
    text = "BCR456" if round(columns.min() / 16) % 3 else "8CR456"
    found = reading(text)
    box = tuple(float(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    return [PlateReading(Detection(box, 0.9), found.text, found.last_digit, found.format)]


def test_a_video_file_from_end_to_end(tmp_path):
    path = tmp_path / "car.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (320, 120))
    for number in range(30):
        image = BLANK.copy()
        image[40:60, number * 8 : number * 8 + 40] = (240, 240, 20)
        writer.write(image[..., ::-1])
    writer.release()
    reader = VideoReader(
        find_rectangle, ReadingRules((PRIVATE,), IDENTITY), lambda: NOON, PlateTracker()
    )

    [vehicle] = reader.vehicles(frames_of(path, StreamOptions(fps=5)))

    assert vehicle.plate.text.text == "BCR456"
    assert (vehicle.frames_agreeing, vehicle.frames) == (10, 15)
    assert vehicle.last_s == pytest.approx(2.8, abs=0.01)
