import datetime as dt

import pytest

from lightning_plates.reading.rules.formats import load_formats
from lightning_plates.reading.rules.schedules import load_calendar

# Kept holidays around the dates of the tests; the real ones are tested apart.
HOLIDAYS = {dt.date(2026, 9, 15): "Día de la Independencia", dt.date(2024, 7, 29): "Anexión"}


@pytest.fixture(scope="session")
def calendar():
    return load_calendar("costa_rica", HOLIDAYS)


@pytest.fixture(scope="session")
def costa_rica():
    return load_formats("costa_rica")
