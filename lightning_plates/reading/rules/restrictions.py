"""Whether a vehicle may circulate: a pure function of plate, moment and calendar."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum

from lightning_plates.reading.rules.schedules import RestrictionCalendar, Schedule

DEFAULT_CLASS = "private"
"""Class of a plate that no format explains: no exemption is given on a guess."""


class Reason(Enum):
    """Why a vehicle may or may not circulate."""

    RESTRICTED = "restricted"
    OTHER_DAY = "other_day"
    OUTSIDE_HOURS = "outside_hours"
    HOLIDAY = "holiday"
    SUSPENDED = "suspended"
    EXEMPT = "exempt"
    NO_RULE = "no_rule"


@dataclass(frozen=True, slots=True)
class PlateIdentity:
    """What the rules ask of a plate."""

    last_digit: int
    """0–9."""
    vehicle_class: str = DEFAULT_CLASS
    """Class of its format, e.g. ``"motorcycle"``."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for one plate at one moment."""

    reason: Reason
    """Why; :attr:`restricted_now` is true for ``Reason.RESTRICTED`` only."""
    moment: dt.datetime
    """The moment asked for, in the rule's time zone."""
    schedule: Schedule | None
    """The rule of that day; ``None`` where the calendar knows none."""
    weekday: int | None
    """The plate's day, 0 Monday to 6 Sunday; ``None`` if exempt or without a rule."""
    holiday: str | None = None
    """Name of the holiday that frees the day."""

    @property
    def restricted_now(self) -> bool:
        """Whether the vehicle must not circulate at :attr:`moment`."""
        return self.reason is Reason.RESTRICTED

    @property
    def no_pauses_known_after(self) -> dt.date | None:
        """Last day whose pauses are known, where :attr:`moment` lies after it; else ``None``.

        ``None``, too, where no pause could change the answer.
        """
        if self.schedule is None or self.weekday is None or self.holiday is not None:
            return None
        last = self.schedule.pauses_known_until
        return last if last is not None and self.moment.date() > last else None


def judge(plate: PlateIdentity, moment: dt.datetime, calendar: RestrictionCalendar) -> Verdict:
    """Say whether ``plate`` may circulate at ``moment``.

    Args:
        plate: Its last digit and class.
        moment: With a time zone, or without one for the calendar's own.
        calendar: Rules and holidays.

    Returns:
        The verdict; the hours count from ``start`` on and up to but without ``end``.
    """
    local = _localise(moment, calendar)
    schedule = calendar.schedule_on(local.date())
    if schedule is None:
        return Verdict(Reason.NO_RULE, local, None, None)
    if plate.vehicle_class in schedule.exempt_classes:
        return Verdict(Reason.EXEMPT, local, schedule, None)
    weekday = schedule.weekday_of_digit[plate.last_digit]
    holiday = calendar.holidays.get(local.date()) if schedule.suspended_on_holidays else None
    reason = _reason(schedule, weekday, local, is_holiday=holiday is not None)
    return Verdict(reason, local, schedule, weekday, holiday)


def _localise(moment: dt.datetime, calendar: RestrictionCalendar) -> dt.datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=calendar.timezone)
    return moment.astimezone(calendar.timezone)


def _reason(schedule: Schedule, weekday: int, local: dt.datetime, *, is_holiday: bool) -> Reason:
    if local.weekday() != weekday:
        return Reason.OTHER_DAY
    if is_holiday:
        return Reason.HOLIDAY
    if local.date() in schedule.suspended_dates:
        return Reason.SUSPENDED
    inside = schedule.start <= local.time() < schedule.end
    return Reason.RESTRICTED if inside else Reason.OUTSIDE_HOURS
