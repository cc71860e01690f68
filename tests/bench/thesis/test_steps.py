import json
import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from lightning_plates.bench.thesis.steps import Step, run_step
from lightning_plates.errors import StepError


@pytest.fixture
def step(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    rows = ["file,width,height,x1,y1,x2,y2,text"]
    for number in range(4):
        Image.new("RGB", (8, 8), (50 * number, 0, 0)).save(photos / f"{number}.png")
        rows.append(f"{number}.png,8,8,1,1,4,3,")
    (photos / "boxes.csv").write_text("\n".join(rows))
    target = tmp_path / "split.csv"
    return Step("split", ("data", "split", str(photos), "-o", str(target)), target)


def test_a_step_runs_once(tmp_path, step, capsys):
    stamps = tmp_path / "steps"
    assert run_step(step, stamps)
    made = step.result.stat().st_mtime_ns
    assert not run_step(step, stamps)
    assert step.result.stat().st_mtime_ns == made
    assert capsys.readouterr().out.endswith("done already: split\n")
    stamp = json.loads((stamps / "split.json").read_text())
    assert stamp["command"] == list(step.words)
    assert 0 < stamp["wall_seconds"] < 120


def test_a_step_whose_result_was_deleted_runs_again(tmp_path, step):
    run_step(step, tmp_path / "steps")
    step.result.unlink()
    assert run_step(step, tmp_path / "steps")
    assert step.result.exists()


def test_a_result_without_a_stamp_is_unfinished(tmp_path, step):
    step.result.write_text("half")
    assert run_step(step, tmp_path / "steps")
    assert "half" not in step.result.read_text()


def test_a_failed_command_stops_with_its_status(tmp_path):
    step = Step("split", ("data", "split", str(tmp_path / "gone")), tmp_path / "split.csv")
    with pytest.raises(StepError, match="step split ended with status 2"):
        run_step(step, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_made_nothing_is_no_success(tmp_path):
    step = Step("help", ("--help",), tmp_path / "nothing.csv")
    with pytest.raises(StepError, match=r"without making .*nothing\.csv"):
        run_step(step, tmp_path)


def interrupt_group(process):
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the group


def terminate_parent(process):
    process.terminate()  # as a supervisor may: the command must hear of it from its parent


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "status", "word"),
    [(interrupt_group, 130, "interrupted"), (terminate_parent, 143, "terminated")],
)
def test_an_interruption_lets_the_command_end_and_the_next_call_goes_on(
    tmp_path, end, status, word
):
    folder = tmp_path / "photos"
    words = ["data", "synthesise", "-o", str(folder), "--count", "400", "--workers", "1"]
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from lightning_plates.bench.thesis.steps import Step, run_step\n"
        "from lightning_plates.terminal.console import run_reporting\n"
        f"step = Step('photos', tuple({words!r}), Path({str(folder / 'boxes.csv')!r}))\n"
        f"sys.exit(run_reporting(lambda _: run_step(step, Path({str(tmp_path)!r})), []))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while len(list(folder.glob("*.jpg"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    end(process)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == status
    assert error.count(f"{word}; what was finished is kept") == 2  # both processes say it
    assert "Traceback" not in error
    assert not (tmp_path / "photos.json").exists()
