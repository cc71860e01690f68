import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lightning_plates.errors import ConfigError
from lightning_plates.reading.rules.config_file import find_config
from lightning_plates.reading.rules.schedules import load_calendar

SCHEDULE = """
  - name: {name}
    valid_from: {start}
    source: a decree
    area: {{es: aquí, en: here}}
    hours: ["06:00", "19:00"]
    digits: {{monday: [1, 2], tuesday: [3, 4], wednesday: [5, 6], thursday: [7, 8], friday: [9, 0]}}
    suspended_on_holidays: true
    suspended_dates: []
    exempt_classes: []
"""
HEAD = """country: x
timezone: America/Costa_Rica
holidays: {country: CR, categories: [public]}
schedules:"""
GOOD = HEAD + SCHEDULE.format(name="a", start="2020-01-01")


def load(tmp_path, text):
    file = tmp_path / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    return load_calendar(str(file), {})


def test_a_complete_file_is_read(tmp_path):
    (schedule,) = load(tmp_path, GOOD).schedules
    assert schedule.weekday_of_digit == (4, 0, 0, 1, 1, 2, 2, 3, 3, 4)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("friday: [9, 0]", "friday: [9]", 10, "no weekday for the digits 0"),
        ("friday: [9, 0]", "friday: [9, 0, 1]", 10, "digit 1 already belongs to monday"),
        ("friday: [9, 0]", "funday: [9, 0]", 10, "funday: unknown"),
        ("friday: [9, 0]", "friday: [9, 10]", 10, "expected digits 0 to 9, got 10"),
        ('["06:00", "19:00"]', '["19:00", "06:00"]', 9, "later end"),
        ('["06:00", "19:00"]', '["6 am", "19:00"]', 9, "expected a time"),
        ("    source: a decree\n", "", 5, "lacks source"),
        ("valid_from: 2020-01-01", "valid_from: 2020-13-01", 6, "expected a date"),
        ("valid_from: 2020-01-01", "valid_from: 2020-01-01\n    valid_to: 2019-01-01", 5, "before"),
        ("suspended_dates: []", "suspended_dates: [2021-01-05/2021-01-01]", 12, "range ends"),
        ("suspended_on_holidays: true", "suspended_on_holidays: perhaps", 11, "true or false"),
        ('["06:00", "19:00"]', '["06:00+01:00", "19:00"]', 9, "without a zone"),
        ('["06:00", "19:00"]', '["06:00"]', 9, "a start and a later end"),
        ("suspended_dates: []", "suspended_dates: [0001-01-01/9999-12-31]", 12, "longer than 366"),
        ("suspended_dates: []", "suspended_dates: [2019-12-31]", 12, "outside the rule's own"),
        ("suspended_dates: []", "suspended_dates: [2021-01-05/]", 12, "expected a date"),
        (
            "suspended_dates: []",
            "suspended_dates: [2021-01-01/2021-01-05, 2021-01-05]",
            12,
            "2021-01-05 is named twice",
        ),
        (
            "suspended_dates: []",
            "suspended_dates: [2021-01-05]\n    pauses_known_until: 2021-01-04",
            13,
            "before the last pause, 2021-01-05",
        ),
        ("America/Costa_Rica", "America/Nowhere", 2, "unknown time zone"),
        ("America/Costa_Rica", "America", 2, "unknown time zone"),
        ("America/Costa_Rica", "../../etc/passwd", 2, "unknown time zone"),
        ("America/Costa_Rica", "x" * 5000, 2, "unknown time zone"),
        ("country: x", "country: [x]", 1, "expected one value"),
        ("area: {es: aquí, en: here}", "area: {es: aquí, __class__: x}", 8, "__class__: unknown"),
        ("timezone: America/Costa_Rica", "timezone: [", 4, "not plain YAML"),
    ],
)
def test_incomplete_or_contradictory_files_are_refused_with_their_line(
    tmp_path, old, new, line, message
):
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(ConfigError, match=rf"rules\.yaml line {line}: .*{message}"):
        load(tmp_path, text)


def test_schedules_that_overlap_are_refused(tmp_path):
    text = GOOD + SCHEDULE.format(name="b", start="2021-01-01")
    with pytest.raises(ConfigError, match=r"line 15: .*'b' begins on 2021-01-01, while 'a' holds"):
        load(tmp_path, text)


@pytest.mark.parametrize("country", ["QQ", "__class__", "utils", "CostaRica", "x" * 5000])
def test_an_unknown_holiday_country_is_refused(tmp_path, country):
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD.replace("country: CR", f"country: {country}"), encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"line 3: holidays: .*'{country[:40]}'"):
        load_calendar(str(file))


def test_unknown_categories_of_holidays_are_refused(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD.replace("[public]", "[__class__]"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line 3: holidays: .*does not know it"):
        load_calendar(str(file))


@pytest.mark.parametrize(
    ("pauses", "known"),
    [
        ("[]", None),
        ("[2021-01-04/2021-01-08, 2020-07-01]", dt.date(2021, 1, 8)),
        ("[2021-01-08]\n    pauses_known_until: 2021-06-30", dt.date(2021, 6, 30)),
        ("[]\n    pauses_known_until: 2021-06-30", dt.date(2021, 6, 30)),
    ],
)
def test_how_far_pauses_are_known(tmp_path, pauses, known):
    text = GOOD.replace("suspended_dates: []", f"suspended_dates: {pauses}")
    (schedule,) = load(tmp_path, text).schedules
    assert schedule.pauses_known_until == known


def test_a_rule_holds_on_its_first_and_last_day_and_no_longer(tmp_path):
    first, last = dt.date(2020, 1, 1), dt.date(2020, 12, 31)
    text = GOOD.replace(
        "valid_from: 2020-01-01", "valid_from: 2020-01-01\n    valid_to: 2020-12-31"
    )
    calendar = load(tmp_path, text)
    day = dt.timedelta(days=1)
    found = [
        calendar.schedule_on(one) is not None for one in (first - day, first, last, last + day)
    ]
    assert found == [False, True, True, False]


def test_every_rule_states_its_source_and_dates():
    text = find_config("restrictions", "costa_rica").read_text(encoding="utf-8")
    for schedule in load_calendar("costa_rica", {}).schedules:
        assert "MOPT" in schedule.source
        assert schedule.valid_from.isoformat() in text


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError, match="costa_rica"):
        load_calendar("atlantis")


class SlowHolidays:
    """As the package ``holidays``, which calls a year known before it has worked it out."""

    def __init__(self):
        self.years, self.names = set(), {}

    def get(self, day):
        if day.year not in self.years:
            self.years.add(day.year)
            time.sleep(0.05)
            self.names[day] = "Navidad"
        return self.names.get(day)


def test_threads_that_ask_at_once_all_hear_of_the_holiday(monkeypatch):
    monkeypatch.setattr("holidays.country_holidays", lambda *words, **options: SlowHolidays())
    holidays = load_calendar("costa_rica").holidays
    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(holidays.get, [dt.date(2026, 12, 25)] * 4))
    assert names == ["Navidad"] * 4
