"""``fit`` as a process: several of them for several devices, and what ends it from outside."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from lightning_plates.__main__ import main

REGRESSOR = {
    "class_path": "lightning_plates.models.lit_box_regressor.LitBoxRegressor",
    "init_args": {"backbone": "mobilenet_v3_small", "weights": "none", "width": 32, "height": 32},
}
DETECTOR = {
    "class_path": "lightning_plates.models.lit_plate_detector.LitPlateDetector",
    "init_args": {"weights": "none", "size": 64, "channels": 16},
}
WINDOWS = "lightning_plates.data.windows.datamodule.PlateWindowDataModule"
TWO = ("--trainer.devices", "2", "--trainer.strategy", "ddp")


@pytest.fixture(autouse=True)
def _in_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def begin(tmp_path, plate_set, project_dir):
    """Starts ``fit`` with a small configuration as a process of its own."""

    def run(name, *words, model=REGRESSOR, data=None, trainer=None):
        settings = {
            "model": model,
            "data": {**(data or {}), "init_args": {"path": str(plate_set), "batch_size": 8}},
            "trainer": {"max_epochs": 1, "accelerator": "cpu", **(trainer or {})},
        }
        settings["data"]["init_args"].update((data or {}).get("init_args", {}))
        config = tmp_path / f"{name}.yaml"
        config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        command = [sys.executable, "-m", "lightning_plates", "fit", "--config", str(config)]
        environment = {**os.environ, "PYTHONPATH": str(project_dir)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*command, *words], env=environment, **pipes)

    return run


@pytest.fixture
def fit(begin):
    """Runs ``fit`` to its end and gives what it printed."""

    def run(*words, **settings):
        process = begin(*words, **settings)
        said, error = process.communicate(timeout=200)
        assert (process.returncode, error) == (0, "")
        return said

    return run


def last_epoch(run):
    rows = csv.DictReader((run / "epochs.csv").read_text(encoding="utf-8").splitlines())
    return {name: float(value) for name, value in list(rows)[-1].items()}


def assert_one_process_measures_the_same(run):
    """The weights of the last epoch, measured by this process alone."""
    words = ["--trainer.devices", "1", "--trainer.strategy", "auto", "--run", str(run / "alone")]
    assert main(["validate", str(run / "last.ckpt"), *words]) == 0
    alone = json.loads((run / "alone" / "metrics.json").read_text())
    together = last_epoch(run)
    assert {f"val/{name}" for name in alone} <= together.keys()
    for name, value in alone.items():
        assert together[f"val/{name}"] == pytest.approx(value, rel=1e-6, abs=1e-9)


@pytest.mark.slow
def test_two_devices_train_and_measure_as_one_does(fit, tmp_path):
    # Two whole batches an epoch; 3 validation photos, so that the devices have 2 and 1.
    settings = {"trainer": {"max_epochs": 2, "limit_train_batches": 2}}
    shared = {"cache_features": True}
    said = fit("two", *TWO, data={"init_args": {**shared, "batch_size": 4}}, **settings)
    fit("one", data={"init_args": {**shared, "batch_size": 8}}, **settings)
    two, one = tmp_path / "runs" / "two", tmp_path / "runs" / "one"
    assert said.count("best epoch on the validation photos") == 1
    assert said.count("photos: train 23, val 3, test 3") == 1
    assert "batch size: 4 on each of 2 devices, 8 in all" in said
    record = json.loads((two / "run.json").read_text())
    assert record["devices"] == 2
    assert record["batch_size"] == {"each_device": 4, "all_devices": 8}
    assert (two / "per_photo.csv").read_text().count("\n") == 1 + 3
    measured = {name for name in last_epoch(one) if name.startswith("val/")}
    for name in measured:
        assert last_epoch(two)[name] == pytest.approx(last_epoch(one)[name], rel=1e-5, abs=1e-6)
    assert_one_process_measures_the_same(two)


@pytest.mark.slow
def test_the_detector_on_two_devices_measures_as_on_one(fit, tmp_path):
    windows = {"ranges": {"size": 64}, "windows_per_epoch": 8, "batch_size": 2}
    reload = {"reload_dataloaders_every_n_epochs": 1}
    data = {"class_path": WINDOWS, "init_args": windows}
    said = fit("two", *TWO, model=DETECTOR, data=data, trainer=reload)
    assert said.count("training windows from") == 1
    assert said.count("best epoch on the validation photos") == 1
    assert_one_process_measures_the_same(tmp_path / "runs" / "two")


def wait_for(file, process):
    deadline = time.monotonic() + 150
    while not file.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [(), TWO])
def test_sigterm_keeps_checkpoint_and_record_and_the_run_goes_on_from_there(
    begin, fit, tmp_path, devices
):
    run = tmp_path / "runs" / "long"
    process = begin("long", *devices, trainer={"max_epochs": 1000})
    wait_for(run / "last.ckpt", process)
    process.send_signal(signal.SIGTERM)
    # The process of the second device holds the pipes, too: they end when it has ended.
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (143, "error: terminated; what was finished is kept\n")
    record = json.loads((run / "run.json").read_text())
    assert (record["state"], record["epochs"]) == ("interrupted", last_epoch(run)["epoch"])
    more = str(record["epochs"] + 1)
    assert "best epoch" in fit("long", "--resume", "--trainer.max_epochs", more)
    assert json.loads((run / "run.json").read_text())["state"] == "finished"


@pytest.mark.slow
def test_the_processes_of_further_devices_end_with_the_first(begin, tmp_path):
    process = begin("killed", *TWO, trainer={"max_epochs": 1000})
    wait_for(tmp_path / "runs" / "killed" / "last.ckpt", process)
    process.kill()
    process.communicate(timeout=60)


@pytest.mark.slow
def test_a_second_fit_into_the_same_folder_is_refused(begin, tmp_path):
    first = begin("same", trainer={"max_epochs": 1000})
    wait_for(tmp_path / "runs" / "same" / "last.ckpt", first)
    second = begin("same", "--resume", trainer={"max_epochs": 1000})
    _, error = second.communicate(timeout=150)
    assert second.returncode == 2
    assert error == (
        "error: runs/same: another process is writing into it; wait for it, or choose another "
        "folder\n"
    )
    first.terminate()
    first.communicate(timeout=60)
    assert first.returncode == 143
