import copy

import pytest
import torch
from torch import nn

from lightning_plates.errors import ConfigError
from lightning_plates.models.backbones import build_backbone, pad_inception
from lightning_plates.models.dense_head import (
    CELL,
    PRIOR_CELLS,
    GridOutput,
    attach_dense_head,
    average_mirrored,
    flatten_grid,
    fold_batch_norms,
    place_boxes,
)


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    return attach_dense_head(build_backbone("mobilenet_v2"), "mobilenet_v2", channels=16).eval()


def test_one_box_and_score_a_cell_for_any_size(detector):
    with torch.no_grad():
        answer = detector(torch.zeros(2, 3, 64, 128))
    cells = (64 // CELL) * (128 // CELL)
    assert answer._fields == ("boxes", "scores")
    assert answer.boxes.shape == (2, cells, 4)
    assert answer.scores.shape == (2, cells)


def test_the_padding_of_the_weights_stays(detector):
    torch.manual_seed(0)
    at_end = attach_dense_head(build_backbone("mobilenet_v2", "end"), "mobilenet_v2", channels=16)
    assert at_end.grid(torch.zeros(1, 3, 64, 96)).boxes.shape == (1, 4, 8, 12)
    padded = [module.padding for module in at_end.backbone.modules()
              if isinstance(module, nn.Conv2d) and module.stride == (2, 2)]  # fmt: skip
    assert set(padded) == {(0, 0)}


@pytest.mark.parametrize(
    ("name", "widths"), [("vgg16", (256, 512, 512)), ("inception_v3", (288, 768, 2048))]
)
def test_the_thesis_other_backbones_give_a_cell_every_eight_pixels(name, widths):
    detector = attach_dense_head(build_backbone(name), name, channels=16).eval()
    taken = tuple(lateral[0].in_channels for lateral in detector.neck.lateral)
    assert taken == widths
    with torch.no_grad():
        assert detector.grid(torch.zeros(1, 3, 96, 64)).boxes.shape == (1, 4, 12, 8)


def test_cells_of_inception_lie_where_the_picture_is_bright():
    torch.manual_seed(0)
    backbone = pad_inception(build_backbone("inception_v3")).eval()
    black, spot = torch.zeros(1, 3, 224, 224), torch.zeros(1, 3, 224, 224)
    spot[..., 80:88, 160:168] = 1.0  # cell 10, 20 of 28 × 28
    with torch.no_grad():
        changed = (backbone[:10](spot) - backbone[:10](black)).abs().sum(dim=(0, 1))
    row, column = divmod(int(changed.argmax()), changed.shape[1])
    assert changed.shape == (28, 28)
    assert abs(row - 10) <= 1
    assert abs(column - 20) <= 1


def test_an_untrained_head_finds_nothing(detector):
    with torch.no_grad():
        scores = detector(torch.rand(1, 3, 64, 64)).scores
    assert scores.max() < 0.05


def test_layers_after_the_last_tap_are_dropped(detector):
    widths = {m.out_channels for m in detector.backbone.modules() if isinstance(m, nn.Conv2d)}
    assert 320 in widths
    assert 1280 not in widths


def test_output_zero_is_the_median_plate_on_its_cell():
    boxes = place_boxes(torch.zeros(1, 4, 3, 5))
    width, height = PRIOR_CELLS
    x1, y1, x2, y2 = boxes[0, :, 2, 4].tolist()
    assert (x1 + x2) / 2 == pytest.approx(4.5)
    assert (y1 + y2) / 2 == pytest.approx(2.5)
    assert (x2 - x1, y2 - y1) == pytest.approx((width, height))


def test_boxes_are_0_to_1_of_a_wide_input():
    boxes = torch.zeros(1, 4, 2, 4)
    boxes[0, :, 1, 3] = torch.tensor([2.0, 1.0, 4.0, 2.0])
    answer = flatten_grid(GridOutput(torch.zeros(1, 1, 2, 4), boxes))
    assert answer.boxes[0, -1].tolist() == [0.5, 0.5, 1.0, 1.0]
    assert answer.scores[0].tolist() == [0.5] * 8


def test_folding_keeps_the_answer():
    torch.manual_seed(1)
    stack = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
        nn.Conv2d(4, 2, 1),
        nn.BatchNorm2d(2),
    )
    for _ in range(5):
        stack(torch.randn(8, 3, 9, 9) * 3 + 1)
    images = torch.randn(2, 3, 9, 9)
    with torch.no_grad():
        expected = stack.eval()(images)
        folded = fold_batch_norms(stack)
        torch.testing.assert_close(folded(images), expected, rtol=1e-4, atol=1e-5)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())


def test_freezing_keeps_the_first_layers_only(detector):
    detector.freeze(2)
    features = detector.backbone.features
    assert not any(p.requires_grad for p in features[:2].parameters())
    assert all(p.requires_grad for p in features[2:].parameters())


def test_mirror_images_give_mirrored_answers(detector):
    detector = copy.deepcopy(detector)
    nn.init.normal_(detector.head.box[-1].weight)
    images = torch.rand(1, 3, 64, 96)
    straight = average_mirrored(detector, images)
    mirrored = average_mirrored(detector, images.flip(3))
    boxes = straight.boxes.view(8, 12, 4).flip(1)[..., [2, 1, 0, 3]]
    boxes = torch.where(torch.tensor([True, False, True, False]), 1 - boxes, boxes)
    assert torch.allclose(mirrored.boxes, boxes.view(1, -1, 4), atol=1e-5)
    assert torch.allclose(mirrored.scores.view(8, 12), straight.scores.view(8, 12).flip(1))
    assert not torch.allclose(detector(images).boxes, straight.boxes, atol=1e-4)


def test_unknown_backbone_names_those_that_work():
    with pytest.raises(ConfigError, match=r"inception_v3, mobilenet_v2, vgg16"):
        attach_dense_head(build_backbone("mobilenet_v3_small"), "mobilenet_v3_small")
