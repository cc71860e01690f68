import os
import subprocess
import sys

NOW_THERE = """
from lightning_plates.reading.rules.schedules import load_calendar
import datetime, zoneinfo
assert zoneinfo.TZPATH == ()
zone = load_calendar("costa_rica").timezone
print(datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.timezone.utc).astimezone(zone).hour)
"""


def test_a_system_without_time_zones_knows_the_hour_in_costa_rica(project_dir):
    done = subprocess.run(
        [sys.executable, "-c", NOW_THERE],
        cwd=project_dir,
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("6\n", "")
