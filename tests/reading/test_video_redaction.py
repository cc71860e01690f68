import numpy as np
import pytest

from lightning_plates.reading.video.redaction import VideoRedaction

pytest.importorskip("norfair", reason="the extra 'video' is not installed")

FPS = 10


def stripes():
    """A picture of stripes, coarse enough for JPEG, which any blur changes."""
    image = np.zeros((120, 320, 3), np.uint8)
    image[:, np.arange(320) % 16 < 8] = 255
    return image


def box_at(x):
    return (x, 40.0, x + 40.0, 60.0)


def run(found, fps=FPS, gaps=()):
    """What is written of frames in which plates were ``found``: ``(changed pixels, time)``."""
    written = []
    redaction = VideoRedaction(lambda image, time_s: written.append((image, time_s)), fps)
    for number, boxes in enumerate(found):
        if number in gaps:
            redaction.finish()
        redaction.add(stripes(), number / fps, boxes)
    redaction.finish()
    plain = stripes().astype(int)
    changed = [(np.abs(image.astype(int) - plain) > 60).any(axis=2) for image, _ in written]
    return changed, [time_s for _, time_s in written]


def hides(changed, x):
    """Whether most of a plate at ``x`` cannot be read: stripes do not all change."""
    return changed[42:58, round(x) + 2 : round(x) + 38].mean() > 0.35


def test_every_frame_is_written_once_and_in_order():
    changed, times = run([[box_at(100.0)]] * 7)
    assert times == pytest.approx([number / FPS for number in range(7)])
    assert all(hides(one, 100) for one in changed)


def test_a_plate_that_is_missed_is_hidden_along_its_way():
    places = [20.0 + 8 * number for number in range(30)]
    found = [[box_at(x)] if not 8 <= number <= 22 else [] for number, x in enumerate(places)]
    changed, _ = run(found)
    assert all(hides(one, x) for one, x in zip(changed, places, strict=True))
    # Where no car has been, the street stays as it is.
    assert not changed[0][:, 200:].any()


def test_a_plate_is_hidden_before_it_is_found_first_and_after_it_is_found_last():
    places = [20.0 + 8 * number for number in range(30)]
    found = [[box_at(x)] if 10 <= number <= 14 else [] for number, x in enumerate(places)]
    changed, _ = run(found)
    assert all(hides(changed[number], places[number]) for number in range(5, 20))
    assert not changed[0].any()
    assert not changed[29].any()


def test_a_slow_source_is_held_by_frames():
    found = [[]] * 6 + [[box_at(100.0)]] + [[]] * 6
    changed, _ = run(found, fps=1)
    hidden = [one.any() for one in changed]
    assert hidden == [abs(number - 6) <= 3 for number in range(13)]


def test_two_plates_are_both_hidden():
    changed, _ = run([[box_at(40.0), box_at(220.0)], [box_at(40.0)], [box_at(220.0)]])
    assert all(hides(one, x) for one in changed for x in (40, 220))


def test_nothing_found_changes_nothing():
    changed, _ = run([[]] * 4)
    assert not any(one.any() for one in changed)


def test_what_was_found_before_a_gap_is_forgotten():
    changed, times = run([[box_at(100.0)]] * 3 + [[]] * 3, gaps={3})
    assert [one.any() for one in changed] == [True] * 3 + [False] * 3
    assert len(times) == 6


def test_frames_do_not_wait_for_ever_where_time_stands_still():
    written = []
    redaction = VideoRedaction(lambda image, time_s: written.append(time_s), FPS)
    for _ in range(60):
        redaction.add(stripes(), 0.0, [])
    assert len(written) == 60 - 2 * FPS
