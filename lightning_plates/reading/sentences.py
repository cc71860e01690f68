"""Answers as a person would say them, in Spanish and English."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from lightning_plates.languages import in_language
from lightning_plates.reading.rules.restrictions import Reason, Verdict


@dataclass(frozen=True, slots=True)
class Phrases:
    """The words of one language."""

    plate: str
    unread: str
    last_digit: str
    unsure: str
    no_digit: str
    unknown_format: str
    this_country: str
    no_pauses: str
    rule: str
    today: str
    at_moment: str
    clock: str
    clock_at_one: str
    this_hour: str
    that_hour: str
    no_plate: str
    already_read: str
    not_judged: str
    weekdays: tuple[str, ...]
    plural_weekdays: tuple[str, ...]
    reasons: dict[Reason, str]
    prompt: str
    quit_words: frozenset[str]
    day: str


SPANISH = Phrases(
    plate="Placa {text}",
    unread="Placa ilegible",
    last_digit="último dígito {digit}",
    unsure="último dígito inseguro",
    no_digit="sin dígitos",
    unknown_format="no tiene un formato conocido de {country}",
    this_country="este país",
    no_pauses="no se conocen pausas después de {date}",
    rule="restricción los {weekday} de {start} a {end}",
    today="hoy ({weekday}) {answer}",
    at_moment="el {weekday} {date} {clock} {answer}",
    clock="a las {time}",
    clock_at_one="a la {time}",
    this_hour="a esta hora",
    that_hour="a esa hora",
    no_plate="no se encontró ninguna placa",
    already_read="{finished} de {seen} archivos ya están en {table}",
    not_judged="sin día de restricción por no tener un formato conocido: {count}; "
    "--any-format lo da",
    weekdays=("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    plural_weekdays=("lunes", "martes", "miércoles", "jueves", "viernes", "sábados", "domingos"),
    reasons={
        Reason.RESTRICTED: "no puede circular ({area})",
        Reason.OTHER_DAY: "puede circular",
        Reason.OUTSIDE_HOURS: "puede circular {hour}",
        Reason.HOLIDAY: "puede circular: feriado, {holiday}",
        Reason.SUSPENDED: "puede circular: restricción suspendida",
        Reason.EXEMPT: "puede circular: vehículo exento",
        Reason.NO_RULE: "no hay ninguna regla conocida",
    },
    prompt="Ingrese otra imagen o escriba salir: ",
    quit_words=frozenset({"salir", "exit", "quit"}),
    day="restricción los {weekday}",
)

ENGLISH = Phrases(
    plate="Plate {text}",
    unread="Unreadable plate",
    last_digit="last digit {digit}",
    unsure="last digit unsure",
    no_digit="no digits",
    unknown_format="fits no known format of {country}",
    this_country="this country",
    no_pauses="no pauses known after {date}",
    rule="restricted on {weekday} from {start} to {end}",
    today="today ({weekday}) {answer}",
    at_moment="on {weekday} {date} {clock} {answer}",
    clock="at {time}",
    clock_at_one="at {time}",
    this_hour="at this hour",
    that_hour="at that hour",
    no_plate="no plate found",
    already_read="{finished} of {seen} files already in {table}",
    not_judged="without a restriction day, because they fit no known format: {count}; "
    "--any-format gives one",
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    plural_weekdays=("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays",
                     "Sundays"),
    reasons={
        Reason.RESTRICTED: "it may not circulate ({area})",
        Reason.OTHER_DAY: "it may circulate",
        Reason.OUTSIDE_HOURS: "it may circulate {hour}",
        Reason.HOLIDAY: "it may circulate: public holiday, {holiday}",
        Reason.SUSPENDED: "it may circulate: restriction suspended",
        Reason.EXEMPT: "it may circulate: exempt vehicle",
        Reason.NO_RULE: "no rule is known",
    },
    prompt="Enter another image or type exit: ",
    quit_words=frozenset({"salir", "exit", "quit"}),
    day="restricted on {weekday}",
)  # fmt: skip

LANGUAGES = {"es": SPANISH, "en": ENGLISH}
"""Every language by the name that ``--lang`` takes."""


def phrases_of(language: str) -> Phrases:
    """The words of ``language``.

    Raises:
        InputError: It is not spoken here.
    """
    return in_language(LANGUAGES, language)


def describe_verdict(verdict: Verdict, language: str, *, is_now: bool) -> list[str]:
    """Parts of a sentence about the rule and the moment.

    Args:
        verdict: The answer of :func:`~lightning_plates.reading.rules.restrictions.judge`.
        language: ``es`` or ``en``.
        is_now: Whether the moment is the present; another one is spelled out.

    Returns:
        e.g. ``["restricción los miércoles de 6:00 a 19:00", "hoy (domingo) puede circular"]``,
        and up to when pauses are known where the moment lies after that.
    """
    words = phrases_of(language)
    parts = []
    if verdict.schedule is not None and verdict.weekday is not None:
        start, end = (_hour(t) for t in (verdict.schedule.start, verdict.schedule.end))
        weekday = words.plural_weekdays[verdict.weekday]
        parts.append(words.rule.format(weekday=weekday, start=start, end=end))
    parts.append(_about_moment(words, verdict, language, is_now=is_now))
    if verdict.no_pauses_known_after is not None:
        parts.append(words.no_pauses.format(date=verdict.no_pauses_known_after.isoformat()))
    return parts


def _about_moment(words: Phrases, verdict: Verdict, language: str, *, is_now: bool) -> str:
    area = verdict.schedule.area[language] if verdict.schedule else ""
    hour = words.this_hour if is_now else words.that_hour
    answer = words.reasons[verdict.reason].format(area=area, holiday=verdict.holiday, hour=hour)
    clock = words.clock_at_one if verdict.moment.hour == 1 else words.clock
    return (words.today if is_now else words.at_moment).format(
        weekday=words.weekdays[verdict.moment.weekday()],
        date=verdict.moment.date().isoformat(),
        clock=clock.format(time=_hour(verdict.moment.time())),
        answer=answer,
    )


def _hour(time: dt.time) -> str:
    return f"{time.hour}:{time.minute:02d}"
