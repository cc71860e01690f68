"""Restriction rules, read from ``configs/restrictions/*.yaml`` and checked."""

from __future__ import annotations

import datetime as dt
import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lightning_plates.optional import require
from lightning_plates.reading.rules.config_file import Entry, find_config, read_config

NO_RULES = "none"
"""Name of the rule file that judges nothing."""

LONGEST_PAUSE_DAYS = 366
"""Longest range of ``suspended_dates``; a rule that rests for longer has ended."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""Names in rule files and JSON, in the order of ``date.weekday()``."""


class Holidays(Protocol):
    """Names of holidays by date; a dict will do."""

    def get(self, day: dt.date, /) -> str | None:
        """Name of the holiday on ``day``; ``None`` on other days."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One rule with the dates between which it holds."""

    name: str
    """Name in the rule file."""
    valid_from: dt.date
    """First day."""
    valid_to: dt.date
    """Last day, included; ``date.max`` where no end is known."""
    source: str
    """The law or announcement."""
    area: Mapping[str, str]
    """Where it holds, in words, by language."""
    start: dt.time
    """First moment of the day at which it holds."""
    end: dt.time
    """First moment of the day at which it holds no more."""
    weekday_of_digit: tuple[int, ...]
    """Ten weekdays, 0 Monday to 6 Sunday: when a plate ending in 0, 1 … 9 must stay."""
    suspended_on_holidays: bool
    """Whether public holidays are free."""
    suspended_dates: frozenset[dt.date]
    """Days that an announcement freed."""
    pauses_known_until: dt.date | None
    """Last day up to which the file knows all pauses: what it states, or else the last of
    :attr:`suspended_dates`; ``None`` where it knows of none."""
    exempt_classes: frozenset[str]
    """Vehicle classes of the plate formats to which it does not apply."""


@dataclass(frozen=True, slots=True)
class RestrictionCalendar:
    """Everything that decides whether a plate may circulate."""

    timezone: ZoneInfo
    """Where the hours are read."""
    schedules: tuple[Schedule, ...]
    """Rules whose dates do not overlap, oldest first."""
    holidays: Holidays
    """The country's public holidays, moved ones on the day they are kept."""

    def schedule_on(self, day: dt.date) -> Schedule | None:
        """The rule that holds on ``day``; ``None`` where the file knows none."""
        valid = (s for s in self.schedules if s.valid_from <= day <= s.valid_to)
        return next(valid, None)


class _InTurn:
    """Holidays that several threads may ask for.

    The package works a year out when it is first asked about, and meanwhile answers others that the
    year has no holidays.
    """

    def __init__(self, holidays: Holidays) -> None:
        self._holidays = holidays
        self._turn = threading.Lock()

    def get(self, day: dt.date, /) -> str | None:
        """See :class:`Holidays`."""
        with self._turn:
            return self._holidays.get(day)


def load_calendar(name: str, holidays: Holidays | None = None) -> RestrictionCalendar:
    """Read a rule file.

    Args:
        name: Name of a shipped file, e.g. ``"costa_rica"``, or the path of an own one.
        holidays: Holidays to use; ``None`` asks the package ``holidays`` for the file's country.

    Raises:
        ConfigError: A schedule is incomplete or overlaps another; with file and line.
        MissingDependencyError: The package ``holidays`` is not installed.
    """
    top = read_config(find_config("restrictions", name))
    fields = top.fields({"country", "timezone", "holidays", "schedules"})
    fields["country"].text()
    schedules = _read_schedules(fields["schedules"])
    country, categories = _holiday_source(fields["holidays"])
    return RestrictionCalendar(
        timezone=_timezone(fields["timezone"]),
        schedules=schedules,
        holidays=_national_holidays(fields["holidays"], country, categories)
        if holidays is None
        else holidays,
    )


def _read_schedules(entry: Entry) -> tuple[Schedule, ...]:
    pairs = [(_read_schedule(item), item) for item in entry.items()]
    if not pairs:
        raise entry.error("expected at least one schedule")
    pairs.sort(key=lambda pair: pair[0].valid_from)
    for (earlier, _), (later, item) in itertools.pairwise(pairs):
        if later.valid_from <= earlier.valid_to:
            raise item.error(
                f"{later.name!r} begins on {later.valid_from}, while {earlier.name!r} holds "
                f"until {'further notice' if earlier.valid_to == dt.date.max else earlier.valid_to}"
            )
    return tuple(schedule for schedule, _ in pairs)


def _read_schedule(entry: Entry) -> Schedule:
    fields = entry.fields(
        {"name", "valid_from", "source", "area", "hours", "digits", "suspended_on_holidays",
         "suspended_dates", "exempt_classes"},
        {"valid_to", "pauses_known_until"},
    )  # fmt: skip
    start, end = _hours(fields["hours"])
    valid_from = _date(fields["valid_from"])
    valid_to = _date(fields["valid_to"]) if "valid_to" in fields else dt.date.max
    if valid_to < valid_from:
        raise entry.error(f"ends on {valid_to}, before it begins on {valid_from}")
    pauses = _pauses(fields["suspended_dates"], valid_from, valid_to)
    return Schedule(
        name=fields["name"].text(),
        valid_from=valid_from,
        valid_to=valid_to,
        source=fields["source"].text(),
        area={key: value.text() for key, value in fields["area"].fields({"es", "en"}).items()},
        start=start,
        end=end,
        weekday_of_digit=_weekdays(fields["digits"]),
        suspended_on_holidays=fields["suspended_on_holidays"].flag(),
        suspended_dates=pauses,
        pauses_known_until=_pauses_known_until(fields, pauses),
        exempt_classes=frozenset(item.text() for item in fields["exempt_classes"].items()),
    )


def _weekdays(entry: Entry) -> tuple[int, ...]:
    """Ten weekdays by digit; every digit on exactly one."""
    found: dict[int, str] = {}
    for weekday, digits in entry.fields(set(), set(WEEKDAYS)).items():
        for item in digits.items():
            digit = item.integer()
            if digit > 9:
                raise item.error(f"expected digits 0 to 9, got {digit}")
            if digit in found:
                raise item.error(f"digit {digit} already belongs to {found[digit]}")
            found[digit] = weekday
    missing = [str(digit) for digit in range(10) if digit not in found]
    if missing:
        raise entry.error(f"no weekday for the digits {', '.join(missing)}")
    return tuple(WEEKDAYS.index(found[digit]) for digit in range(10))


def _hours(entry: Entry) -> tuple[dt.time, dt.time]:
    times = [_time(item) for item in entry.items()]
    if len(times) != 2 or times[0] >= times[1]:
        raise entry.error("expected a start and a later end on the same day")
    return times[0], times[1]


def _time(entry: Entry) -> dt.time:
    text = entry.text()
    try:
        time = dt.time.fromisoformat(text)
    except ValueError as error:
        raise entry.error(f"expected a time such as 06:00, got {text[:40]!r}") from error
    if time.tzinfo is not None:
        raise entry.error(f"expected a time without a zone, got {text[:40]!r}")
    return time


def _pauses(entry: Entry, valid_from: dt.date, valid_to: dt.date) -> frozenset[dt.date]:
    """Days of a list of ``2023-04-03`` and ``2023-04-03/2023-04-07``, each named once."""
    days: set[dt.date] = set()
    for item in entry.items():
        first, last = _range(item)
        if first < valid_from or last > valid_to:
            raise item.error(f"{item.text()} lies outside the rule's own dates")
        found = {first + dt.timedelta(days=day) for day in range((last - first).days + 1)}
        if days & found:
            raise item.error(f"{min(days & found)} is named twice")
        days |= found
    return frozenset(days)


def _range(entry: Entry) -> tuple[dt.date, dt.date]:
    first_text, slash, last_text = entry.text().partition("/")
    first = _as_date(entry, first_text)
    last = _as_date(entry, last_text) if slash else first
    if last < first:
        raise entry.error(f"the range ends before it begins: {entry.text()}")
    if (last - first).days >= LONGEST_PAUSE_DAYS:
        raise entry.error(f"longer than {LONGEST_PAUSE_DAYS} days: {entry.text()}")
    return first, last


def _pauses_known_until(fields: Mapping[str, Entry], pauses: frozenset[dt.date]) -> dt.date | None:
    last = max(pauses, default=None)
    if "pauses_known_until" not in fields:
        return last
    stated = _date(fields["pauses_known_until"])
    if last is not None and stated < last:
        raise fields["pauses_known_until"].error(f"lies before the last pause, {last}")
    return stated


def _date(entry: Entry) -> dt.date:
    return _as_date(entry, entry.text())


def _as_date(entry: Entry, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise entry.error(f"expected a date such as 2026-11-25, got {text[:40]!r}") from error


def _timezone(entry: Entry) -> ZoneInfo:
    try:
        return ZoneInfo(entry.text())
    # OSError: the name of a folder of zones, or one that is too long for a file.
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise entry.error(f"unknown time zone {entry.text()[:40]!r}") from error


def _holiday_source(entry: Entry) -> tuple[str, tuple[str, ...]]:
    fields = entry.fields({"country", "categories"})
    return fields["country"].text(), tuple(item.text() for item in fields["categories"].items())


def _national_holidays(entry: Entry, country: str, categories: tuple[str, ...]) -> Holidays:
    package = require("holidays")
    # The package takes any name that it defines for a country, its modules included.
    if country not in package.list_supported_countries():
        raise entry.error(f"the package holidays does not know the country {country[:40]!r}")
    try:
        found: Holidays = package.country_holidays(country, categories=categories, language="es")
    except (NotImplementedError, ValueError) as error:
        raise entry.error(f"the package holidays does not know it ({error})") from error
    return _InTurn(found)
