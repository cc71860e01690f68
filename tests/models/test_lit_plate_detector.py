from pathlib import Path

import pytest
import torch

from lightning_plates.data.windows.datamodule import PlateBatch
from lightning_plates.errors import ConfigError
from lightning_plates.models.checkpoint import load_checkpoint
from lightning_plates.models.dense_head import PlateOutput
from lightning_plates.models.dense_losses import teacher_loss
from lightning_plates.models.lit_plate_detector import LitPlateDetector, pair_best


@pytest.fixture
def module():
    torch.manual_seed(0)
    return LitPlateDetector(weights="none", size=64, channels=16, frozen_layers=2)


def _batch(boxes, kinds, zoom=(1.0, 1.0), side=64):
    return PlateBatch(
        torch.rand(1, 3, side, side),
        torch.tensor([boxes]),
        torch.tensor([kinds]),
        torch.tensor([zoom]),
        torch.tensor([7]),
    )


def test_a_checkpoint_opens_without_the_starting_weights(module, tmp_path):
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "a.ckpt")
    again = load_checkpoint(tmp_path / "a.ckpt")
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for one, other in zip(again(image), module.eval()(image), strict=True):
            torch.testing.assert_close(one, other)
    assert again.spec == module.spec
    assert again.spec.task == "detection"


def test_another_input_size_answers_with_more_cells(module):
    module.eval().resize_input(96)
    assert (module.spec.width, module.spec.height) == (96, 96)
    with torch.no_grad():
        straight = module(torch.zeros(1, 3, 96, 96))
        module.average_mirrored()
        assert module(torch.zeros(1, 3, 96, 96)).boxes.shape == straight.boxes.shape == (1, 144, 4)
    with pytest.raises(ConfigError, match="size 100: must be a multiple of 32"):
        module.resize_input(100)


def test_training_on_one_window_lowers_the_loss(module):
    batch = _batch([[16.0, 24.0, 48.0, 40.0]], [1])
    module.log_dict = lambda *args, **kwargs: None
    optimizer = torch.optim.AdamW((p for p in module.parameters() if p.requires_grad), lr=2e-3)
    losses = []
    for _ in range(12):
        loss = module.training_step(batch, 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def _save(module, path):
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, path)
    return str(path)


def test_a_student_comes_nearer_to_its_teacher_and_does_not_keep_it(module, tmp_path):
    torch.manual_seed(1)
    sees_plates = LitPlateDetector(weights="none", size=64, channels=16)
    torch.nn.init.constant_(sees_plates.network.head.heat[-1].bias, 2.0)
    file = _save(sees_plates, tmp_path / "t.ckpt")
    student = LitPlateDetector(
        weights="none", size=64, channels=16, teacher=file, teacher_weight=50.0
    )
    student.on_fit_start()
    (teacher,) = student._teachers
    names = set(student.state_dict())
    assert names == set(module.state_dict())
    assert not any(p.requires_grad for p in teacher.parameters())
    empty = _batch([[0.0] * 4], [0])  # no label: what is learned comes from the teacher
    images = empty.images

    def distance():
        with torch.no_grad():
            return float(teacher_loss(student.network.grid(images), teacher.grid(images)))

    student.log_dict = lambda *args, **kwargs: None
    before = distance()
    optimizer = torch.optim.AdamW(student.network.parameters(), lr=2e-3)
    for _ in range(12):
        optimizer.zero_grad()
        student.training_step(empty, 0).backward()
        optimizer.step()
    assert distance() < 0.8 * before
    again = load_checkpoint(Path(_save(student, tmp_path / "s.ckpt")))
    assert again.hparams["teacher"] == ""


def test_a_teacher_with_another_input_is_refused(tmp_path):
    torch.manual_seed(1)
    other = LitPlateDetector(weights="none", size=64, channels=16, scaling="symmetric")
    file = _save(other, tmp_path / "t.ckpt")
    student = LitPlateDetector(weights="none", size=64, channels=16, teacher=file)
    assert other.spec.mean != student.spec.mean
    with pytest.raises(ConfigError, match=r"t\.ckpt: its input is scaled otherwise"):
        student.on_fit_start()


def test_training_goes_on_from_a_finished_detector(tmp_path):
    torch.manual_seed(1)
    first = LitPlateDetector(weights="none", size=64, channels=16, scaling="symmetric").eval()
    file = _save(first, tmp_path / "first.ckpt")
    torch.manual_seed(2)
    second = LitPlateDetector(weights="none", size=96, channels=16, start=file)
    assert second.network.training
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(second.eval()(images), first(images))
    # It takes its input as the first one does, at its own size; only its checkpoint is needed.
    assert (second.spec.mean, second.spec.width) == (first.spec.mean, 96)
    again = load_checkpoint(Path(_save(second, tmp_path / "second.ckpt")))
    assert (again.hparams["start"], again.spec.mean) == ("", first.spec.mean)


def test_a_detector_of_another_make_is_no_start(tmp_path):
    file = _save(LitPlateDetector(weights="none", size=64, channels=16), tmp_path / "narrow.ckpt")
    with pytest.raises(ConfigError, match=r"its channels is 16, not 96; give --model\.channels 16"):
        LitPlateDetector(size=64, start=file)


def test_the_best_box_is_paired_with_the_plate_it_overlaps_in_pixels_of_the_photo():
    boxes = torch.tensor([[[0.0, 0.0, 0.1, 0.1], [0.5, 0.5, 0.75, 0.75]]])
    answer = PlateOutput(boxes, torch.tensor([[0.2, 0.9]]))
    plates = [[0.0, 0.0, 8.0, 8.0], [32.0, 32.0, 50.0, 48.0], [32.0, 32.0, 48.0, 48.0]]
    pair = pair_best(answer, _batch(plates, [1, 1, -1], zoom=(2.0, 3.0)))
    assert pair.numbers.tolist() == [7]
    assert pair.predicted.tolist() == [[64.0, 96.0, 96.0, 144.0]]
    assert pair.true.tolist() == [[64.0, 96.0, 100.0, 144.0]]


def test_photos_without_plates_are_not_measured():
    answer = PlateOutput(torch.rand(1, 4, 4), torch.rand(1, 4))
    assert len(pair_best(answer, _batch([[0.0] * 4], [0])).numbers) == 0


def test_a_size_that_cells_do_not_divide_is_refused():
    # Trained with it, boxes would lie in cells of 8 pixels and be answered in cells of 8.3.
    with pytest.raises(ConfigError, match="size 100: must be a multiple of 32"):
        LitPlateDetector(weights="none", size=100, channels=16)
