import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lightning_plates.boxes import FitMargin, box_iou
from lightning_plates.errors import ModelError
from lightning_plates.placement import place
from lightning_plates.processing import (
    PADDING_GREY,
    decode,
    prepare,
    resize_photo,
)
from lightning_plates.spec import ModelSpec
from lightning_plates.tasks.detection import MAX_CANDIDATES

STRETCH = ModelSpec("net", width=40, height=20)
LETTERBOX = ModelSpec("net", width=40, height=40, resize="letterbox")
CROP = ModelSpec("net", width=224, height=224, resize="crop")
SCORED = ModelSpec("net", width=40, height=40, task="detection", options={"score_threshold": 0.3})


def photo(width, height, colour=(255, 128, 0)):
    return np.full((height, width, 3), colour, dtype=np.uint8)


def test_values_follow_mean_std_colour_and_layout():
    spec = ModelSpec(
        "net", 4, 2, mean=(0.5, 0.0, 0.25), std=(0.5, 1.0, 0.25), colour_order="BGR", layout="NHWC"
    )
    batch, _ = prepare([photo(8, 8, (255, 0, 51))], spec)
    assert (batch.shape, batch.dtype) == ((1, 2, 4, 3), np.float32)
    # BGR: blue 51/255 = 0.2 → (0.2 − 0.5) / 0.5; green 0; red (1 − 0.25) / 0.25
    assert batch[0, 0, 0] == pytest.approx([-0.6, 0.0, 3.0], abs=1e-6)


def test_nchw_is_the_transposed_nhwc():
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    nchw, _ = prepare([image], ModelSpec("net", 6, 4))
    nhwc, _ = prepare([image], ModelSpec("net", 6, 4, layout="NHWC"))
    np.testing.assert_array_equal(nchw.transpose(0, 2, 3, 1), nhwc)


def test_letterbox_keeps_the_aspect_and_pads_right_and_bottom():
    resized, placement = resize_photo(photo(80, 20), LETTERBOX)
    assert resized.shape == (40, 40, 3)
    assert resized[9, 39].tolist() == [255, 128, 0]
    assert resized[11, 0].tolist() == [PADDING_GREY] * 3
    assert (placement.share_x, placement.share_y) == (1.0, 0.25)


@pytest.mark.parametrize("size", [(1, 1), (20000, 300), (3, 4000), (40, 40), (39, 41)])
@pytest.mark.parametrize("spec", [STRETCH, LETTERBOX, CROP])
def test_placement_there_and_back(spec, size):
    placement = place(*size, spec)
    box = np.array([0.1 * size[0], 0.2 * size[1], 0.7 * size[0], 0.9 * size[1]])
    assert placement.to_photo(placement.to_input(box)) == pytest.approx(box)
    resized, _ = resize_photo(photo(*size), spec)
    assert resized.shape == (spec.height, spec.width, 3)


def test_crop_takes_the_centre_of_the_short_side():
    striped = np.zeros((256, 512, 3), dtype=np.uint8)
    striped[:, 144:368] = 255  # the middle 224 of 512 columns
    resized, placement = resize_photo(striped, CROP)
    assert resized.min() == 255
    assert placement.to_photo(np.array([0.0, 0.0, 1.0, 1.0])) == pytest.approx([144, 16, 368, 240])


# What torchvision's Resize(256) makes of these sizes.
@pytest.mark.parametrize(
    ("size", "fitted"),
    [((500, 375), (341, 256)), ((375, 500), (256, 341)), ((256, 256), (256, 256))],
)
def test_crop_scales_the_short_side_as_torchvision_does(size, fitted):
    placement = place(*size, CROP)
    assert (placement.share_x * 224, placement.share_y * 224) == pytest.approx(fitted)


def test_a_single_box_is_ordered_clipped_and_scaled():
    outputs = {"box": np.array([[0.75, 0.5, 0.25, 1.2]], dtype=np.float32)}
    [[found]] = decode(outputs, STRETCH, [place(200, 100, STRETCH)])
    assert found.box == pytest.approx((50, 50, 150, 100))
    assert found.confidence is None


def test_scored_boxes_are_thresholded_suppressed_and_sorted():
    near, same, far, weak = (
        [0.1, 0.1, 0.3, 0.2], [0.11, 0.1, 0.31, 0.2], [0.6, 0.6, 0.9, 0.8], [0.4, 0.4, 0.5, 0.5]
    )  # fmt: skip
    outputs = {
        "boxes": np.array([[near, same, far, weak]], dtype=np.float32),
        "scores": np.array([[0.5, 0.8, 0.9, 0.2]], dtype=np.float32),
    }
    [found] = decode(outputs, SCORED, [place(100, 100, SCORED)])
    assert [d.confidence for d in found] == pytest.approx([0.9, 0.8])
    assert found[1].box == pytest.approx((11, 10, 31, 20), abs=1e-4)


def test_nothing_above_the_threshold_is_no_plate():
    outputs = {"boxes": np.zeros((1, 3, 4)), "scores": np.zeros((1, 3))}
    assert decode(outputs, SCORED, [place(10, 10, SCORED)]) == [()]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_the_models_fault(wrong):
    at = [place(10, 10, SCORED)]
    boxes, scores = np.full((1, 2, 4), 0.5), np.array([[0.9, 0.1]])
    with pytest.raises(ModelError, match="NaN or infinity"):
        decode({"box": np.full((1, 4), wrong)}, STRETCH, [place(10, 10, STRETCH)])
    with pytest.raises(ModelError, match="NaN or infinity"):
        decode({"boxes": boxes, "scores": scores * wrong}, SCORED, at)
    for cell, fails in ((0, True), (1, False)):  # nobody asks for the box of the unsure one
        broken = boxes.copy()
        broken[0, cell, 0] = wrong
        with pytest.raises(ModelError) if fails else contextlib.nullcontext():
            decode({"boxes": broken, "scores": scores}, SCORED, at)


@pytest.mark.parametrize(
    ("spec", "outputs", "reason"),
    [
        (SCORED, {"boxes": np.zeros((1, 3, 4))}, r"lack \['scores'\]"),
        (SCORED, {"boxes": np.zeros((1, 4, 3)), "scores": np.zeros((1, 3))}, "'boxes' has shape"),
        (SCORED, {"boxes": np.zeros((1, 3, 4)), "scores": np.zeros((1, 2))}, "'scores' has shape"),
        (STRETCH, {"box": np.zeros((1, 2))}, "'box' has shape"),
        (STRETCH, {"box": np.zeros((2, 4))}, "'box' has shape"),
        (STRETCH, {"box": np.zeros(())}, "'box' has shape"),
    ],
)
def test_answers_of_another_shape_are_the_models_fault(spec, outputs, reason):
    with pytest.raises(ModelError, match=reason):
        decode(outputs, spec, [place(10, 10, spec)])


def test_the_best_candidates_are_kept_not_the_first():
    count = MAX_CANDIDATES + 100
    left = np.arange(count) / count
    boxes = np.stack([left, 0 * left, left + 0.5 / count, 0 * left + 1], axis=-1)
    scores = np.linspace(0.4, 0.9, count)  # the best ones last
    outputs = {"boxes": boxes[None], "scores": scores[None]}
    [found] = decode(outputs, SCORED, [place(count, 10, SCORED)])
    assert [plate.confidence for plate in found] == sorted(scores, reverse=True)[:MAX_CANDIDATES]
    assert found[0].box == pytest.approx((count - 1, 0, count - 0.5, 10))


SIDES = st.integers(1, 20_000)
SPECS = st.builds(
    ModelSpec,
    st.just("net"),
    width=st.integers(1, 512),
    height=st.integers(1, 512),
    resize=st.sampled_from(["stretch", "letterbox"]),
    task=st.just("detection"),
    options=st.fixed_dictionaries(
        {"score_threshold": st.floats(0, 1), "max_overlap": st.floats(0, 1)}
    ),
)
SHARES = st.floats(0, 1)


@given(SPECS, SIDES, SIDES, arrays(float, (3, 4), elements=SHARES))
def test_boxes_come_back_from_the_input(spec, width, height, shares):
    placement = place(width, height, spec)
    assert 0 < placement.share_x <= 1
    assert 0 < placement.share_y <= 1
    boxes = shares * (width, height, width, height)
    there = placement.to_input(boxes)
    assert (there <= 1 + 1e-9).all()
    assert placement.to_photo(there) == pytest.approx(boxes, abs=1e-6)


@st.composite
def scored_answers(draw):
    count = draw(st.integers(0, 12))
    boxes = draw(arrays(np.float32, (count, 4), elements=st.floats(-1e6, 1e6, width=32)))
    scores = draw(arrays(np.float32, count, elements=st.floats(0, 1, width=32), unique=True))
    return boxes, scores


@given(SPECS, SIDES, SIDES, scored_answers(), st.randoms())
def test_whatever_a_network_answers_is_decoded_to_plates_in_the_photo(
    spec, width, height, answer, random
):
    boxes, scores = answer
    at = [place(width, height, spec)]
    [found] = decode({"boxes": boxes[None], "scores": scores[None]}, spec, at)
    confidences = [plate.confidence for plate in found]
    assert confidences == sorted(confidences, reverse=True)
    assert all(confidence >= spec.options["score_threshold"] for confidence in confidences)
    best = float(scores.max(initial=-1))  # is never dropped
    assert confidences[:1] == ([best] if best >= spec.options["score_threshold"] else [])
    for plate in found:
        x1, y1, x2, y2 = plate.box
        assert 0 <= x1 <= x2 <= width
        assert 0 <= y1 <= y2 <= height
    corners = np.array([plate.box for plate in found]).reshape(-1, 4)
    overlaps = box_iou(corners[:, None], corners[None])
    assert (overlaps[~np.eye(len(corners), dtype=bool)] <= spec.options["max_overlap"]).all()
    order = list(range(len(scores)))
    random.shuffle(order)
    turned = decode({"boxes": boxes[None, order], "scores": scores[None, order]}, spec, at)
    assert turned == [found]


MARGIN = FitMargin(1.5, 0.5, shift_x=0.25, shift_y=-0.5)


def test_a_margin_scales_about_the_centre_and_shifts_by_the_answers_own_sides():
    spec = STRETCH.with_options(margin=MARGIN)
    outputs = {"box": np.array([[0.25, 0.5, 0.5, 0.75]], dtype=np.float32)}
    [[found]] = decode(outputs, spec, [place(400, 200, spec)])
    # 100–200 × 100–150: sides 150 and 25 about (150, 125), then 25 right and 25 up.
    assert found.box == pytest.approx((100, 87.5, 250, 112.5))


def test_a_margin_stays_inside_the_photo_and_scores_stay():
    spec = SCORED.with_options(margin=FitMargin(2.0, 2.0))
    outputs = {"boxes": np.array([[[0.0, 0.0, 0.5, 0.5]]]), "scores": np.array([[0.75]])}
    [[found]] = decode(outputs, spec, [place(100, 100, spec)])
    assert found.box == pytest.approx((0, 0, 75, 75))
    assert found.confidence == 0.75


def test_a_margin_changes_no_choice_between_boxes():
    # They overlap by a third; widened twofold, by more than the 0.4 that are allowed.
    boxes = np.array([[[0.2, 0.4, 0.4, 0.5], [0.3, 0.4, 0.5, 0.5]]])
    outputs = {"boxes": boxes, "scores": np.array([[0.9, 0.8]])}
    wide = SCORED.with_options(margin=FitMargin(2.0, 1.0))
    [found] = decode(outputs, wide, [place(100, 100, wide)])
    assert len(found) == 2
