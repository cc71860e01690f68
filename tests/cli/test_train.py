"""``fit``, ``validate`` and ``test`` as a user calls them, on a tiny set."""

import csv
import json
import os
import re
import signal
from pathlib import Path

import pytest
import torch
import yaml
from pytorch_lightning import Callback

from lightning_plates.__main__ import main
from lightning_plates.models.checkpoint import load_checkpoint
from lightning_plates.models.lit_box_regressor import LitBoxRegressor
from lightning_plates.training.epoch_table import EpochTable
from lightning_plates.training.run_record import to_json

MODEL = {
    "class_path": "lightning_plates.models.lit_box_regressor.LitBoxRegressor",
    "init_args": {"backbone": "mobilenet_v3_small", "weights": "none", "width": 32, "height": 32},
}


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Threads of tiny networks mostly wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _in_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # What would be silenced outside of the tests: torch says it when a run has no GPU.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def fit(tmp_path, plate_set):
    """Runs ``fit`` with settings that are merged into a small config."""

    def run(name, *words, model=None, data=None, trainer=None):
        settings = {
            "model": {**MODEL, "init_args": {**MODEL["init_args"], **(model or {})}},
            "data": {"init_args": {"path": str(plate_set), "batch_size": 8, **(data or {})}},
            "trainer": {"max_epochs": 3, "accelerator": "cpu", **(trainer or {})},
        }
        config = tmp_path / f"{name}.yaml"
        config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        return main(["fit", "--config", str(config), *words])

    return run


def rows_of(file):
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))


def weights_of(file):
    return load_checkpoint(file).state_dict()


def assert_same_weights(first, second, **tolerance):
    first, second = weights_of(first), weights_of(second)
    for name, value in first.items():
        torch.testing.assert_close(value, second[name], **tolerance)


class StopAfterEpoch(Callback):
    """Ends the program as a kill would, after the checkpoint of an epoch was written."""

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 2:
            raise KeyboardInterrupt


def test_fit_leaves_everything_in_its_folder(fit, tmp_path, capsys):
    assert fit("small", model={"keras_accuracy": True}, trainer={"max_epochs": 2}) == 0
    run = tmp_path / "runs" / "small"
    names = ("best.ckpt", "last.ckpt", "epochs.csv", "curves.png", "per_photo.csv", "config.yaml")
    assert all((run / name).stat().st_size for name in names)
    assert list((run / "tensorboard").glob("events*"))
    record = json.loads((run / "run.json").read_text())
    assert record["parameters"]["head"] == 576 * 128 + 128 + 8256 + 4160 + 260
    assert record["divisions"][0]["protocol"] == "grouped"
    assert record["photos"]["train"] + record["photos"]["val"] + record["photos"]["test"] == 29
    rows = rows_of(run / "epochs.csv")
    assert [row["epoch"] for row in rows] == ["1", "2"]
    photos = rows_of(run / "per_photo.csv")
    assert len(photos) == record["photos"]["val"]
    mean = sum(float(row["iou"]) for row in photos) / len(photos)
    assert record["metrics"]["mean_iou"] == pytest.approx(mean, abs=1e-3)
    said = capsys.readouterr()
    assert "1 smaller ones left out" in said.out
    assert "keras_accuracy" in said.out
    assert "says little" in said.out
    assert said.err == ""


def test_features_from_the_cache_train_to_the_same_weights(fit, tmp_path):
    assert fit("plain") == 0
    assert fit("cached", data={"cache_features": True}) == 0
    plain, cached = tmp_path / "runs" / "plain", tmp_path / "runs" / "cached"
    assert_same_weights(plain / "last.ckpt", cached / "last.ckpt", rtol=1e-4, atol=1e-5)
    losses = [
        [float(row["val/loss"]) for row in rows_of(run / "epochs.csv")] for run in (plain, cached)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    stored = tmp_path / "runs" / "feature_cache"
    (file,) = stored.glob("*.features")
    written = file.stat().st_mtime_ns
    assert fit("thesis", data={"cache_features": True, "split": "thesis"}) == 0
    assert [one.stat().st_mtime_ns for one in stored.glob("*.features")] == [written]
    records = [
        json.loads((tmp_path / "runs" / name / "run.json").read_text())
        for name in ("plain", "cached", "thesis")
    ]
    assert [record["features_found"] for record in records] == [None, False, True]


def test_the_last_checkpoint_is_of_the_last_epoch_even_if_an_earlier_one_was_better(fit, tmp_path):
    # Nothing is learned, so that no epoch is better than the first.
    assert fit("still", model={"learning_rate": 0.0}) == 0
    epochs = {
        name: torch.load(tmp_path / "runs" / "still" / f"{name}.ckpt", weights_only=True)["epoch"]
        for name in ("best", "last")
    }
    assert epochs == {"best": 0, "last": 2}


@pytest.mark.parametrize("data", [{"augment": "light"}, {"cache_features": True}])
def test_a_resumed_run_ends_like_an_uninterrupted_one(fit, tmp_path, monkeypatch, capsys, data):
    settings = {"model": {"schedule": "cosine"}, "data": data, "trainer": {"max_epochs": 4}}
    assert fit("whole", **settings) == 0
    with monkeypatch.context() as patch:
        patch.setattr(
            "lightning_plates.training.epoch_table.EpochTable.on_train_epoch_start",
            StopAfterEpoch.on_train_epoch_start,
        )
        assert fit("cut", **settings) == 130
    assert "interrupted" in capsys.readouterr().err
    assert fit("cut", "--resume", **settings) == 0
    whole, cut = tmp_path / "runs" / "whole", tmp_path / "runs" / "cut"
    assert_same_weights(whole / "last.ckpt", cut / "last.ckpt", rtol=0, atol=0)
    rows = rows_of(cut / "epochs.csv")
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("monitor", "values"), [("val/loss", [0.2, 0.1, 0.3]), ("val/mean_iou", [0.2, 0.3, 0.1])]
)
def test_the_best_checkpoint_is_of_the_epoch_with_the_best_value(
    fit, tmp_path, monkeypatch, monitor, values
):
    def log_value(module):
        module.log(monitor, values[module.current_epoch])

    monkeypatch.setattr(LitBoxRegressor, "monitor", monitor)
    monkeypatch.setattr(LitBoxRegressor, "on_validation_epoch_end", log_value)
    assert fit("judged") == 0
    best = torch.load(tmp_path / "runs" / "judged" / "best.ckpt", weights_only=True)
    assert best["epoch"] == 1


def test_a_cosine_that_is_resumed_with_more_epochs_ends_with_them(fit, tmp_path):
    def rates(name):
        rows = rows_of(tmp_path / "runs" / name / "epochs.csv")
        return [float(row["learning_rate"]) for row in rows]

    cosine = {"model": {"schedule": "cosine"}}
    assert fit("whole", trainer={"max_epochs": 4}, **cosine) == 0
    assert fit("longer", trainer={"max_epochs": 2}, **cosine) == 0
    assert rates("longer")[1] == pytest.approx(0)
    assert fit("longer", "--resume", trainer={"max_epochs": 4}, **cosine) == 0
    assert rates("longer")[2:] == pytest.approx(rates("whole")[2:])


def test_resuming_says_which_settings_of_the_network_stay(fit, capsys):
    assert fit("small", trainer={"max_epochs": 1}) == 0
    capsys.readouterr()
    words = ["--resume", "--trainer.max_epochs", "2", "--model.learning_rate", "0.25"]
    assert fit("small", *words) == 0
    said = capsys.readouterr().out
    assert "--resume keeps learning_rate 0.0005 of the run; 0.25 is not used\n" in said
    assert said.count("--resume keeps") == 1


def strict_json(file):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(file.read_text(), parse_constant=refuse)


def test_a_loss_that_is_not_finite_stops_the_step_and_keeps_the_last_epoch(
    fit, tmp_path, monkeypatch, capsys
):
    step = LitBoxRegressor.training_step

    def breaks(module, batch, batch_idx):
        loss = step(module, batch, batch_idx)
        is_late = module.current_epoch == 1 and batch_idx == 1
        return loss * float("nan") if is_late else loss

    monkeypatch.setattr(LitBoxRegressor, "training_step", breaks)
    assert fit("broken") == 2
    run = tmp_path / "runs" / "broken"
    (line,) = capsys.readouterr().err.splitlines()
    assert "error: epoch 2, step 5: the loss is nan. The last good epoch is kept in " in line
    assert "runs/broken/last.ckpt" in line
    assert "learning rate" in line
    for name in ("last", "best"):
        assert torch.load(run / f"{name}.ckpt", weights_only=True)["epoch"] == 0
        load_checkpoint(run / f"{name}.ckpt")
    record = strict_json(run / "run.json")
    assert (record["state"], record["epochs"]) == ("diverged", 1)
    monkeypatch.undo()
    assert len(rows_of(run / "epochs.csv")) == 1


@pytest.mark.parametrize(
    ("batch_size", "found"), [(8, "step 2: the loss is"), (64, "end of the epoch: ")]
)
def test_a_learning_rate_that_breaks_the_weights_leaves_no_checkpoint(
    fit, tmp_path, capsys, batch_size, found
):
    data = {"batch_size": batch_size}
    assert fit("wild", model={"learning_rate": 1e30}, data=data) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"error: epoch 1, {found}" in line
    assert "No epoch was finished before" in line
    assert "(now 1e+30: " in line
    assert not list((tmp_path / "runs" / "wild").glob("*.ckpt"))


def test_a_checkpoint_whose_weights_are_not_finite_is_not_gone_on_from(fit, tmp_path, capsys):
    assert fit("small", trainer={"max_epochs": 1}) == 0
    last = tmp_path / "runs" / "small" / "last.ckpt"
    checkpoint = torch.load(last, weights_only=True)
    checkpoint["state_dict"]["network.head.3.weight"][0, 0] = float("nan")
    torch.save(checkpoint, last)
    capsys.readouterr()
    for words in (["fit", "--config", "small.yaml", "--resume"], ["validate", str(last)]):
        assert main(words) == 2
        assert "weights network.head.3.weight hold NaN" in capsys.readouterr().err


def test_sigterm_leaves_checkpoint_and_record(fit, tmp_path, monkeypatch, capsys):
    def terminate(callback, trainer, module):
        if trainer.current_epoch == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(EpochTable, "on_train_epoch_start", terminate)
    assert fit("ended", trainer={"max_epochs": 9}) == 143
    assert capsys.readouterr().err == "error: terminated; what was finished is kept\n"
    run = tmp_path / "runs" / "ended"
    assert torch.load(run / "last.ckpt", weights_only=True)["epoch"] == 1
    record = strict_json(run / "run.json")
    assert (record["state"], record["epochs"]) == ("interrupted", 2)
    best = max(rows_of(run / "epochs.csv"), key=lambda row: float(row["val/mean_iou"]))
    assert record["metrics"]["loss"] == pytest.approx(float(best["val/loss"]), abs=1e-6)
    assert (run / "curves.png").stat().st_size
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_numbers_that_json_does_not_have_are_null():
    text = to_json({"loss": float("nan"), "more": [float("inf"), 0.5], "path": Path("a")})
    assert json.loads(text) == {"loss": None, "more": [None, 0.5], "path": "a"}


def test_a_run_that_is_done_keeps_the_settings_that_made_it(fit, tmp_path, capsys):
    def resume(epochs):
        words = ["--trainer.max_epochs", str(epochs), "--model.learning_rate", "0.5"]
        return fit("small", "--resume", *words)

    assert fit("small", trainer={"max_epochs": 2}) == 0
    assert "nothing was trained" not in capsys.readouterr().out
    run = tmp_path / "runs" / "small"
    settings = (run / "config.yaml").read_text()
    record = json.loads((run / "run.json").read_text())["settings"]
    (run / "run.json").unlink()  # as if the run had been killed before it
    assert resume(1) == 0
    assert json.loads((run / "run.json").read_text())["settings"] == record
    assert "nothing was trained: all 2 epochs were done" in capsys.readouterr().out
    assert (run / "config.yaml").read_text() == settings
    assert resume(3) == 0
    assert yaml.safe_load((run / "config.yaml").read_text())["trainer"]["max_epochs"] == 3


def test_a_backbone_thaws_at_its_epoch_with_averaged_weights(fit, tmp_path):
    average = {
        "class_path": "pytorch_lightning.callbacks.EMAWeightAveraging",
        "init_args": {"decay": 0.5},
    }
    model = {"unfreeze_epoch": 1, "batch_norm": "trained", "schedule": "plateau"}
    assert fit("frozen", model=model, trainer={"max_epochs": 1}) == 0
    assert fit("thawed", model=model, trainer={"max_epochs": 2, "callbacks": [average]}) == 0
    frozen = weights_of(tmp_path / "runs" / "frozen" / "last.ckpt")
    thawed = weights_of(tmp_path / "runs" / "thawed" / "last.ckpt")
    first = "network.backbone.features.0"
    assert torch.equal(frozen[f"{first}.1.running_mean"], torch.zeros(16))
    assert thawed[f"{first}.1.running_mean"].abs().min() > 0
    assert not torch.equal(frozen[f"{first}.0.weight"], thawed[f"{first}.0.weight"])


def test_validate_and_test_measure_a_checkpoint_by_itself(fit, tmp_path, plate_set, capsys):
    assert fit("small", trainer={"max_epochs": 1}) == 0
    best = str(tmp_path / "runs" / "small" / "best.ckpt")
    assert main(["validate", best]) == 0
    assert main(["test", best, "--data.path", str(plate_set), "--data.split", "none"]) == 0
    folder = tmp_path / "runs" / "small"
    fitted = json.loads((folder / "run.json").read_text())["metrics"]
    measured = json.loads((folder / "validate" / "metrics.json").read_text())
    assert measured["mean_iou"] == pytest.approx(fitted["mean_iou"], abs=1e-5)
    assert len((folder / "test" / "per_photo.csv").read_text().splitlines()) == 30


def test_a_folder_with_a_run_is_not_overwritten(fit, tmp_path, capsys):
    run = tmp_path / "mine"
    run.mkdir()
    (run / "last.ckpt").write_bytes(b"precious")
    assert fit("small", "--run", str(run)) == 2
    assert "--resume" in capsys.readouterr().err
    assert (run / "last.ckpt").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data.path", "absent"], "absent"),
        (["--model.weights", "absent.safetensors"], "absent.safetensors: no such file"),
        (["--model.los", "mse"], "'los' is not accepted"),
        (["--model.loss", "l3"], "--model"),
        (["--trainer.accelerator", "gpu"], "gpu"),
        (["--trainer.precision", "7"], "--trainer.precision"),
        (["--data.augment", "light", "--data.cache_features", "true"], "leave one of the two out"),
        (["--model.unfreeze_epoch", "1", "--data.cache_features", "true"], "frozen backbone"),
        (["--data.split", "none"], "split 'none'"),
        (["--nonsense"], "nonsense"),
        (["--config", "absent.yaml"], "absent.yaml"),
        (["--config", "."], "Is a directory"),
        (["--model.width", "x"], "--model.width: expected int (given: x)"),
        (["--model.width", "0"], "width: expected `int` >= 1"),
        (["--model.learning_rate", "-1"], "--model.learning_rate: expected a number of at least 0"),
        (["--trainer.max_epochs", "x"], "--trainer.max_epochs: expected int (given: x)"),
        (["--trainer.max_epochs", "-5"], "`max_epochs` must be a non-negative integer"),
        (["--trainer.max_epochs", "0"], "no epoch was trained and validated"),
        (["--trainer.devices", "x"], "`devices` selected with `CPUAccelerator`"),
        (["--trainer.devices", "2", "--trainer.strategy", "ddp_spawn"], "give ddp"),
        (["--trainer.accumulate_grad_batches", "0"], "expected at least 1"),
        (["--trainer.nonsense", "1"], "--trainer.nonsense"),
        (["--seed_everything", "-1"], "--seed_everything: expected 0 to 4294967295, got -1"),
        (["--data.batch_size", "0"], "--data.batch_size: expected 1 to 1000000, got 0"),
        (["--data.workers", "100000"], "--data.workers: expected 0 to 512, got 100000"),
        (["--data.cache_dir", "a\0b"], "'a\\x00b': holds a null byte"),
        (["--data.nope", "1"], "--data: Option 'nope' is not accepted"),
        (["--run", "a\0b"], "'a\\x00b': holds a null byte"),
    ],
)
def test_bad_settings_are_one_line(fit, capsys, words, said):
    assert fit("small", *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert error.startswith("error: ")


DEEP = "a: " + "{a: " * 60 + "1" + "}" * 60
BOMB = "a0: &a0 [1, 1]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 25))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text + "x: \x01\n", "holds a control character: '\\x01'"),
        (lambda text: text.encode() + b"# \xff\n", "not UTF-8 text"),
        (lambda text: "- 1\n", "no configuration (expected names with values)"),
        (lambda text: "", "the file is empty"),
        (lambda text: text + DEEP, "nested too deeply"),
        (lambda text: text + BOMB, "nested too deeply, or by aliases without end"),
        (lambda text: text + "a: &a [*a]\n", "not YAML"),
        (lambda text: text + "x: !!python/object/apply:os.system [echo]\n", "Problems parsing"),
        (lambda text: text + "__class__: x\n", "Option '__class__' is not accepted"),
        (lambda text: text.replace("width:", "widht:"), "--model: Option 'widht' is not accepted"),
        (lambda text: text.replace("width: 32", "width: [1]"), "--model.width: expected int"),
        (lambda text: text.replace("max_epochs: 3", "max_epochs: 2026-13-45"),
         "--trainer.max_epochs: expected int (given: 2026-13-45)"),
        (lambda text: "model: 3\n" + text.partition("model:")[0], "--model: expected class_path"),
        (lambda text: text.replace("LitBoxRegressor", "Nobody"), "--model: "),
    ],
)  # fmt: skip
def test_a_bad_configuration_is_one_line_with_its_name(fit, capsys, change, said):
    assert fit("small", "--trainer.max_epochs", "0") == 2
    file = Path("small.yaml")
    changed = change(file.read_text())
    file.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    capsys.readouterr()
    assert main(["fit", "--config", "small.yaml"]) == 2
    error = capsys.readouterr().err
    assert re.match(r"error: small\.yaml( line \d+)?: ", error), error
    assert said in error
    assert len(error.splitlines()) == 1
    assert len(error) < 400


@pytest.mark.parametrize("option", ["--config", "-c", "--config=", "--model", "--data.sources="])
def test_a_configuration_that_never_ends_is_not_read(fit, capsys, option):
    os.mkfifo("pipe.yaml")
    words = [f"{option}pipe.yaml"] if option.endswith("=") else [option, "pipe.yaml"]
    assert fit("small", *words) == 2
    assert capsys.readouterr().err == (
        "error: pipe.yaml: not a regular file (a pipe, device or socket)\n"
    )
    Path("sparse.yaml").touch()
    os.truncate("sparse.yaml", 20 * 10**9)
    words = [word.replace("pipe", "sparse") for word in words]
    assert fit("small", *words) == 2
    assert "more than the limit" in capsys.readouterr().err


def test_an_absent_set_is_named_before_weights_are_looked_for(fit, capsys, monkeypatch):
    monkeypatch.setattr("lightning_plates.models.lit_box_regressor.read_weights", pytest.fail)
    assert fit("small", "--data.path", "nope", model={"weights": "imagenet"}) == 2
    assert capsys.readouterr().err == (
        "error: 'nope': no such photo set; name a folder or label file\n"
    )


def test_a_damaged_photo_is_one_line_whoever_decodes_it(fit, tmp_path, plate_set, capsys):
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in plate_set.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    for number in range(29):
        (broken / f"photo{number:03d}.png").write_bytes(b"not a photo %d" % number)
    for workers in (0, 1):
        assert fit(f"with{workers}", data={"path": str(broken), "workers": workers}) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "not a photo" in line
        assert "Traceback" not in line


@pytest.mark.parametrize("command", ["validate", "test"])
def test_a_checkpoint_that_is_not_there_is_named(command, capsys):
    assert main([command, "runs/absent/best.ckpt"]) == 2
    assert capsys.readouterr().err == "error: runs/absent/best.ckpt: no such file\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfem\0o\0", "line 1: not UTF-8"),
        (b"trainer:\n  max_epochs: \0\n", "line 2: holds a control character"),
        (b"trainer: [1]\n", "damaged.yaml: trainer: expected names with values"),
        (b"trainer: {a: {b: 1, b: 2}}\n", "line 1: b: given twice"),
        (b"trainer: {max_epochs: 1}\ntrainer: {max_epochs: 2}\n", "line 2: trainer: given twice"),
        (b"seed_everything: " + b"9" * 5000 + b"\n", "a setting cannot be read (Exceeds the limit"),
        (b"", "the file is empty"),
    ],
)
def test_a_damaged_configuration_is_one_line(tmp_path, capsys, content, message):
    config = tmp_path / "damaged.yaml"
    config.write_bytes(content)
    for words in (["--config", str(config)], [f"--config={config}"]):
        assert main(["fit", *words]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.startswith("error: ")
        assert error.count("\n") == 1


def test_a_configuration_that_is_a_pipe_is_not_waited_for(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.yaml")
    assert main(["fit", "--config", str(tmp_path / "pipe.yaml")]) == 2
    assert "not a regular file" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--config", "own_finder"], ["--config=thesis/vgg16"]])
def test_a_configuration_that_ships_is_found_by_its_name(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", *words, "--data.path", "nope"]) == 2
    assert capsys.readouterr().err == (
        "error: 'nope': no such photo set; name a folder or label file\n"
    )
    (tmp_path / "own_finder").write_text("trainer: [1]\n")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "vgg16").write_text("trainer: [1]\n")
    assert main(["fit", *words, "--data.path", "nope"]) == 2
    assert "trainer: expected names with values" in capsys.readouterr().err


def test_a_name_of_no_configuration_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "--config", "own_findr"]) == 2
    assert capsys.readouterr().err == "error: own_findr: No such file or directory\n"
