import datetime as dt
from dataclasses import replace

import pytest

from lightning_plates.errors import InputError
from lightning_plates.reading.rules.restrictions import PlateIdentity, judge
from lightning_plates.reading.sentences import LANGUAGES, describe_verdict, phrases_of


def say(calendar, digit, moment, language, is_now=True, vehicle_class="private"):
    verdict = judge(PlateIdentity(digit, vehicle_class), moment, calendar)
    return " · ".join(describe_verdict(verdict, language, is_now=is_now))


SUNDAY = dt.datetime(2026, 11, 22, 10)
WEDNESDAY = dt.datetime(2026, 11, 25, 7, 30)


def test_the_sentence_of_the_issue(calendar):
    assert say(calendar, 6, SUNDAY, "es") == (
        "restricción los miércoles de 6:00 a 19:00 · hoy (domingo) puede circular · "
        "no se conocen pausas después de 2026-01-02"
    )
    assert say(calendar, 6, dt.datetime(2025, 11, 23, 10), "es") == (
        "restricción los miércoles de 6:00 a 19:00 · hoy (domingo) puede circular"
    )


def test_another_moment_is_spelled_out(calendar):
    assert say(calendar, 6, WEDNESDAY, "en", is_now=False) == (
        "restricted on Wednesdays from 6:00 to 19:00 · on Wednesday 2026-11-25 at 7:30 "
        "it may not circulate (San José, inside the Circunvalación ring road) · "
        "no pauses known after 2026-01-02"
    )


@pytest.mark.parametrize(
    ("language", "hour", "expected"),
    [
        ("es", 1, "el miércoles 2026-11-25 a la 1:30 puede circular a esa hora"),
        ("es", 5, "el miércoles 2026-11-25 a las 5:30 puede circular a esa hora"),
        ("es", 21, "el miércoles 2026-11-25 a las 21:30 puede circular a esa hora"),
        ("en", 1, "on Wednesday 2026-11-25 at 1:30 it may circulate at that hour"),
    ],
)
def test_the_hour_of_another_moment(calendar, language, hour, expected):
    said = say(calendar, 6, WEDNESDAY.replace(hour=hour), language, is_now=False)
    assert f" · {expected} · no " in said


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("es", "hoy (miércoles) puede circular a esta hora"),
        ("en", "today (Wednesday) it may circulate at this hour"),
    ],
)
def test_the_present_hour_is_this_hour(calendar, language, expected):
    assert f" · {expected} · no " in say(calendar, 6, WEDNESDAY.replace(hour=1), language)


def test_a_day_before_all_rules_reads_as_a_sentence(calendar):
    moment = dt.datetime(1990, 1, 3, 12)
    assert say(calendar, 6, moment, "es") == "hoy (miércoles) no hay ninguna regla conocida"


def test_exempt_vehicles_have_no_day(calendar):
    assert say(calendar, 6, WEDNESDAY, "es", vehicle_class="motorcycle") == (
        "hoy (miércoles) puede circular: vehículo exento"
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_words_in_every_language(calendar, language):
    for digit in (3, 4):
        for day in range(1, 29):
            for hour in (3, 12):
                moment = dt.datetime(2026, 9, day, hour)
                sentence = say(calendar, digit, moment, language)
                assert "{" not in sentence
                assert "None" not in sentence


def test_an_unknown_language_lists_the_known_ones():
    with pytest.raises(InputError, match="es, en"):
        phrases_of("fr")


def test_what_a_rule_file_says_is_never_a_template(calendar):
    (old, rule) = calendar.schedules
    odd = replace(rule, area={"es": "{0.__class__}", "en": "{area}"})
    odd_calendar = replace(calendar, schedules=(old, odd))
    assert "({0.__class__})" in say(odd_calendar, 6, WEDNESDAY, "es")
