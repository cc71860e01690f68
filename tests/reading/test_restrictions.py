import datetime as dt

import pytest

from lightning_plates.reading.rules.restrictions import PlateIdentity, Reason, judge
from lightning_plates.reading.rules.schedules import load_calendar

MONDAY = dt.date(2026, 11, 23)
DAY_OF_DIGIT = {1: 0, 2: 0, 3: 1, 4: 1, 5: 2, 6: 2, 7: 3, 8: 3, 9: 4, 0: 4}  # from the issue


def ask(calendar, digit, day, time, vehicle_class="private"):
    moment = dt.datetime.combine(day, dt.time.fromisoformat(time))
    return judge(PlateIdentity(digit, vehicle_class), moment, calendar)


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("weekday", range(7))
@pytest.mark.parametrize(
    ("time", "inside"),
    [("05:59:59", False), ("06:00", True), ("12:30", True), ("18:59:59", True), ("19:00", False)],
)
def test_every_digit_on_every_weekday_at_the_edges_of_the_hours(
    calendar, digit, weekday, time, inside
):
    verdict = ask(calendar, digit, MONDAY + dt.timedelta(days=weekday), time)
    assert verdict.weekday == DAY_OF_DIGIT[digit]
    assert verdict.restricted_now == (DAY_OF_DIGIT[digit] == weekday and inside)


@pytest.mark.parametrize("vehicle_class", ["motorcycle", "public_transport", "emergency", "police"])
@pytest.mark.parametrize("digit", range(10))
def test_exempt_classes_always_circulate(calendar, vehicle_class, digit):
    day = MONDAY + dt.timedelta(days=DAY_OF_DIGIT[digit])
    verdict = ask(calendar, digit, day, "12:00", vehicle_class)
    assert verdict.reason is Reason.EXEMPT
    assert verdict.weekday is None
    for unconfirmed in ("cargo", "diplomatic", "government"):
        assert ask(calendar, digit, day, "12:00", unconfirmed).restricted_now


@pytest.fixture(scope="module")
def real_calendar():
    return load_calendar("costa_rica")


@pytest.mark.parametrize(
    ("day", "digit", "reason"),
    [
        ("2024-07-25", 7, Reason.RESTRICTED),  # the annexation of Nicoya, moved to …
        ("2024-07-29", 1, Reason.HOLIDAY),  # … this Monday by law 9875
        ("2023-04-11", 3, Reason.RESTRICTED),  # Juan Santamaría, moved to …
        ("2023-04-10", 1, Reason.HOLIDAY),  # … this Monday
        ("2025-07-25", 9, Reason.HOLIDAY),  # not moved: a Friday
        ("2025-09-15", 2, Reason.HOLIDAY),
        ("2026-04-02", 8, Reason.HOLIDAY),  # Maundy Thursday
        ("2023-04-04", 3, Reason.SUSPENDED),  # Holy Week, listed in the file
        ("2023-04-18", 3, Reason.RESTRICTED),
        ("2025-12-19", 9, Reason.RESTRICTED),  # the last day before the pause …
        ("2025-12-22", 1, Reason.SUSPENDED),
        ("2026-01-05", 1, Reason.RESTRICTED),  # … and the first one after it
    ],
)
def test_holidays_moved_and_not(real_calendar, day, digit, reason):
    verdict = ask(real_calendar, digit, dt.date.fromisoformat(day), "12:00")
    assert verdict.reason is reason
    assert (verdict.holiday is not None) == (reason is Reason.HOLIDAY)


def test_the_sanitary_rule_held_on_holidays_and_for_motorcycles(real_calendar):
    moved = dt.date(2020, 7, 27)
    assert ask(real_calendar, 1, moved, "05:00").restricted_now
    assert not ask(real_calendar, 1, moved, "21:00").restricted_now
    assert ask(real_calendar, 1, moved, "12:00", "motorcycle").restricted_now
    assert ask(real_calendar, 1, moved, "12:00").schedule.name == "sanitary"


def test_the_sanitary_rule_ended_outside_san_jose_in_november_2021(real_calendar):
    last, first = dt.date(2021, 10, 29), dt.date(2021, 11, 1)
    assert ask(real_calendar, 9, last, "20:00").restricted_now
    assert ask(real_calendar, 1, first, "12:00").schedule.name == "san_jose"
    assert not ask(real_calendar, 1, first, "20:00").restricted_now


def test_a_date_without_a_rule_says_so(calendar):
    assert ask(calendar, 1, dt.date(2010, 1, 4), "12:00").reason is Reason.NO_RULE


def test_moments_of_other_time_zones_are_translated(calendar):
    utc = dt.datetime(2026, 11, 24, 0, 30, tzinfo=dt.timezone.utc)  # Monday 18:30 in San José
    assert judge(PlateIdentity(1), utc, calendar).restricted_now
    assert not judge(PlateIdentity(3), utc, calendar).restricted_now


def test_the_answer_depends_on_nothing_else(calendar):
    moment = dt.datetime(2026, 11, 25, 7, 30)
    plate = PlateIdentity(6)
    assert judge(plate, moment, calendar) == judge(plate, moment, calendar)


@pytest.mark.parametrize(
    ("day", "digit", "known"),
    [
        ("2026-01-02", 9, None),  # the last day of the last known pause
        ("2026-01-03", 9, dt.date(2026, 1, 2)),
        ("2026-12-24", 7, dt.date(2026, 1, 2)),  # restricted, as far as is known
        ("2026-12-24", 1, dt.date(2026, 1, 2)),
        ("2026-09-15", 3, None),  # a holiday: no pause would change that
        ("2021-03-01", 1, None),  # the sanitary rule, which knows of no pause
        ("2010-01-04", 1, None),
    ],
)
def test_an_answer_after_the_last_known_pause_says_so(calendar, day, digit, known):
    verdict = ask(calendar, digit, dt.date.fromisoformat(day), "12:00")
    assert verdict.no_pauses_known_after == known


def test_an_exempt_vehicle_waits_for_no_pause(calendar):
    verdict = ask(calendar, 7, dt.date(2026, 12, 24), "12:00", "motorcycle")
    assert verdict.no_pauses_known_after is None


def test_a_rule_holds_on_its_last_day(real_calendar):
    assert ask(real_calendar, 1, dt.date(2021, 10, 31), "12:00").schedule.name == "sanitary"
