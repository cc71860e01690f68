import pytest

from lightning_plates.reading.video.tracking import PlateTracker, Sighting

pytest.importorskip("norfair", reason="the extra 'video' is not installed")


def plate(x, y=100, width=60, text="", confidence=0.0):
    return Sighting((x, y, x + width, y + width / 2), text, confidence)


def follow(tracker, frames):
    """Vehicle numbers frame by frame, and every vehicle that ended."""
    updates = [tracker.update(frame) for frame in frames]
    return [update.vehicles for update in updates], [n for u in updates for n in u.ended]


def test_a_moving_plate_stays_one_vehicle():
    vehicles, ended = follow(PlateTracker(), [[plate(10 + 25 * i)] for i in range(20)])

    assert len({n for frame in vehicles for n in frame}) == 1
    assert ended == []


def test_a_fast_plate_that_never_overlaps_itself_stays_one_vehicle():
    # 1.7 plate widths a frame: overlap alone (IoU) would lose it at once.
    vehicles, _ = follow(PlateTracker(), [[plate(100 * i)] for i in range(15)])

    assert len({n for frame in vehicles for n in frame}) == 1


def test_a_plate_that_comes_nearer_and_grows_stays_one_vehicle():
    vehicles, _ = follow(
        PlateTracker(), [[plate(200 + 3 * i, 100 + 9 * i, 40 * 1.15**i)] for i in range(12)]
    )

    assert len({n for frame in vehicles for n in frame}) == 1


def test_a_plate_that_brakes_at_once_stays_one_vehicle():
    # It is expected more than two plate widths further on.
    places = [0, 90, 200, 330, 480, 480, 480]
    vehicles, _ = follow(PlateTracker(), [[plate(x)] for x in places])

    assert len({n for frame in vehicles for n in frame}) == 1


def test_a_plate_of_eight_times_the_size_in_the_same_place_is_another_vehicle():
    near, far = plate(100, 100, 320), plate(240, 170, 40)
    vehicles, _ = follow(PlateTracker(), [[far]] * 3 + [[near]] * 3)

    assert vehicles[0] != vehicles[-1]


def test_two_lanes_are_two_vehicles_in_the_order_of_the_sightings():
    frames = [[plate(10 + 20 * i, 100), plate(400 - 20 * i, 260)] for i in range(10)]
    vehicles, _ = follow(PlateTracker(), frames)

    assert len(set(vehicles)) == 1
    first, second = vehicles[0]
    assert first != second
    swapped = [frame[::-1] for frame in frames]
    vehicles, _ = follow(PlateTracker(), swapped)
    assert len(set(vehicles)) == 1


def test_a_vehicle_behind_a_pole_is_the_same_one():
    tracker = PlateTracker(patience_frames=4)
    before, _ = follow(tracker, [[plate(20 * i)] for i in range(6)])
    _, ended = follow(tracker, [[], [], []])
    after, _ = follow(tracker, [[plate(20 * 9)]])

    assert ended == []
    assert after[0] == before[0]


def test_a_vehicle_out_of_sight_for_too_long_has_left():
    tracker = PlateTracker(patience_frames=4)
    vehicles, _ = follow(tracker, [[plate(50)]] * 3)
    _, ended = follow(tracker, [[]] * 6)

    assert tuple(ended) == vehicles[0]


def test_one_sighting_is_enough_and_survives_missed_frames():
    tracker = PlateTracker(patience_frames=4)
    first, _ = follow(tracker, [[plate(50)], [], []])
    again, _ = follow(tracker, [[plate(52)]])

    assert again[0] == first[0]


def test_the_next_car_at_the_same_barrier_is_another_vehicle():
    tracker = PlateTracker()
    first, _ = follow(tracker, [[plate(50, text="BCR456", confidence=0.95)]] * 3)
    second, _ = follow(tracker, [[plate(52, text="LKM207", confidence=0.95)]] * 3)

    assert first[0] != second[0]
    assert len(set(second)) == 1


@pytest.mark.parametrize(("text", "confidence"), [("8CR45", 0.95), ("I1", 0.3), ("", 0.0)])
def test_a_poor_read_does_not_make_a_new_vehicle(text, confidence):
    tracker = PlateTracker()
    first, _ = follow(tracker, [[plate(50, text="BCR456", confidence=0.95)]])
    second, _ = follow(tracker, [[plate(55, text=text, confidence=confidence)]])

    assert first == second


def test_finish_ends_everything_and_numbers_are_never_used_again():
    tracker = PlateTracker()
    vehicles, _ = follow(tracker, [[plate(50), plate(400)]])

    assert tracker.finish() == tuple(sorted(vehicles[0]))
    assert tracker.finish() == ()
    later, _ = follow(tracker, [[plate(50)]])
    assert not set(later[0]) & set(vehicles[0])


def test_nothing_is_logged(caplog):
    follow(PlateTracker(), [[plate(1)], [plate(2)]])
    assert caplog.records == []
