import pytest
import torch
from pytorch_lightning import Trainer

from lightning_plates.__main__ import main
from lightning_plates.models.lit_box_regressor import LitBoxRegressor


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    module = LitBoxRegressor(
        weights="none", width=64, height=64, padding="end", scaling="symmetric"
    )
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.strategy.connect(module)
    path = tmp_path_factory.mktemp("run") / "net.ckpt"
    trainer.save_checkpoint(path)
    return path, module


def test_another_training_starts_from_the_same_features_and_scaling(tmp_path, checkpoint, capsys):
    path, module = checkpoint
    target = tmp_path / "out" / "net.safetensors"
    assert main(["export-backbone", str(path), "-o", str(target)]) == 0
    assert "MB" in capsys.readouterr().out
    start = LitBoxRegressor(weights=str(target), width=64, height=64)
    assert start.spec == module.spec
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        ours = start.eval().network.backbone(image)
        theirs = module.eval().network.backbone(image)
    torch.testing.assert_close(ours, theirs, rtol=0.02, atol=0.02 * float(theirs.abs().max()))


@pytest.mark.parametrize(
    ("words", "reason"),
    [(["gone.ckpt", "-o", "a.safetensors"], "gone.ckpt: no such file"),
     (["gone.ckpt", "-o", "a.bin"], "must end in .safetensors")],
)  # fmt: skip
def test_bad_input_is_one_line(words, reason, capsys):
    assert main(["export-backbone", *words]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
