import csv
import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from lightning_plates.data import augmentation_run
from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.annotations.record import BoxRecord, PhotoRecord
from lightning_plates.data.augmentation_run import AugmentSettings, augment_photos, finish_set
from lightning_plates.data.offline_augmentation import (
    Limits,
    change_brightness,
    change_contrast,
    copy_record,
    list_variants,
    make_copies,
    rotate_box,
    rotate_image,
)
from lightning_plates.errors import InputError, OutputError

PLATE = BoxRecord(30, 20, 60, 40)


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def run(annotations, folder, workers=1, **kwargs):
    photos = list(augment_photos(annotations, folder, AugmentSettings(), workers))
    return finish_set(photos, folder, **kwargs)


def test_the_recipe_of_the_thesis():
    variants = list_variants()
    assert len(set(variants)) == 91
    assert Counter(v.rotation_deg for v in variants) == dict.fromkeys(
        (0, 3, 6, 9, 351, 354, 357), 13
    )
    assert {v.brightness_percent for v in variants} == {0, 15, 20, 25, 30, -5, -2}
    assert {v.contrast_percent for v in variants} == {0, 2, 4, 6, 8, 10, 12}
    assert not any(v.brightness_percent and v.contrast_percent for v in variants)
    plain = [v for v in variants if not v.brightness_percent and not v.contrast_percent]
    brighter = [v for v in variants if not v.contrast_percent]
    assert [130 * len(part) for part in (plain, brighter, variants)] == [910, 6370, 11830]
    assert len({v.suffix for v in variants}) == 91


@pytest.mark.parametrize("angle", [3, 9, 90, 351])
def test_boxes_turn_as_photos_do(angle):
    image = np.zeros((120, 160, 3), dtype=np.uint8)
    box = BoxRecord(110, 20, 130, 30)
    image[20:30, 110:130] = 255
    turned = rotate_image(image, angle)
    rows, columns = np.nonzero(turned[..., 0] > 127)
    seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert rotate_box(box, angle, 160, 120).xyxy == pytest.approx(seen, abs=1.5)


def test_three_degrees_turn_counter_clockwise():
    # Right of the centre, so turning counter-clockwise lifts it: y falls by about 40 sin 3°.
    right = rotate_box(BoxRecord(88, 48, 92, 52), 3, 100, 100)
    assert (right.y1 + right.y2) / 2 == pytest.approx(50 - 40 * 0.0523, abs=0.01)
    assert rotate_box(right, 357, 100, 100).x2 == pytest.approx(92, abs=0.6)


def test_known_corners_keep_the_box_tight():
    corners = ((30.0, 22.0), (60.0, 20.0), (60.0, 38.0), (30.0, 40.0))
    with_corners = rotate_box(replace(PLATE, corners=corners), 351, 96, 64)
    without = rotate_box(PLATE, 351, 96, 64)
    assert with_corners.area < without.area
    xs, ys = zip(*with_corners.corners, strict=True)
    assert with_corners.xyxy == (min(xs), min(ys), max(xs), max(ys))


@pytest.mark.parametrize(("angle", "quarters"), [(90, 1), (180, 2), (270, 3)])
def test_the_centre_is_between_the_pixels(angle, quarters):
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert (rotate_image(image, angle) == np.rot90(image, quarters)).all()
    assert rotate_box(BoxRecord(2, 4, 10, 8), 180, 32, 32).xyxy == pytest.approx((22, 24, 30, 28))


def test_what_comes_in_at_the_edges_repeats_the_edge():
    image = np.full((60, 80, 3), 77, dtype=np.uint8)
    assert (rotate_image(image, 9) == 77).all()
    assert rotate_image(image, 9).shape == image.shape


def test_brightness_and_contrast_by_hand():
    image = np.array([[[100, 200, 250], [50, 50, 50]]], dtype=np.uint8)
    assert change_brightness(image, 15)[0, 0].tolist() == [115, 230, 255]
    assert change_brightness(image, -5)[0, 0].tolist() == [95, 190, 238]
    grey = np.array([[[100] * 3, [200] * 3]], dtype=np.uint8)  # mean 150
    assert change_contrast(grey, 12)[0, :, 0].tolist() == [94, 206]
    assert image[0, 0].tolist() == [100, 200, 250]


def test_the_plain_variant_is_the_photo_itself():
    image = np.random.default_rng(0).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    first = next(make_copies(image, PhotoRecord("a.jpg", 96, 64, (PLATE,)), Limits()))
    assert (first.image == image).all()


def reasons_of(level, box=PLATE):
    image = np.full((64, 96, 3), level, dtype=np.uint8)
    photo = PhotoRecord("a.jpg", 96, 64, (box,))
    return {copy.variant: copy.reason for copy in make_copies(image, photo, Limits())}


def test_copies_are_set_aside_with_a_reason():
    assert set(reasons_of(120).values()) == {""}
    assert set(reasons_of(20).values()) == {"too dark: mean luminance 20 on the plate"} | {
        f"too dark: mean luminance {level} on the plate" for level in (19, 23, 24, 25, 26)
    }
    bright = reasons_of(190)
    too_bright = {v.brightness_percent for v, reason in bright.items() if reason}
    assert too_bright == {20, 25, 30}  # 228, 238 and 247 are above 225; 218 is not
    at_the_edge = reasons_of(120, BoxRecord(0, 0, 30, 12))
    cut = {v.rotation_deg for v, reason in at_the_edge.items() if reason.startswith("plate cut")}
    assert cut == {3, 6, 9, 351, 354, 357}


def test_one_plate_that_is_cut_sets_a_copy_with_others_aside():
    image = np.full((64, 96, 3), 120, dtype=np.uint8)
    photo = PhotoRecord("a.jpg", 96, 64, (PLATE, BoxRecord(0, 0, 30, 12)))
    reasons = {
        copy.variant.rotation_deg: copy.reason for copy in make_copies(image, photo, Limits())
    }
    assert reasons[0] == ""
    assert reasons[9].startswith("plate cut: ")


def test_a_plate_that_has_left_the_photo_is_no_label_of_the_copy():
    corner = BoxRecord(0, 0, 5, 3)
    record = copy_record(PhotoRecord("a.jpg", 200, 40, (corner, PLATE)), "b.jpg", 9)
    assert rotate_box(corner, 9, 200, 40).y1 > 0
    assert len(record.boxes) == 2
    record = copy_record(PhotoRecord("a.jpg", 200, 40, (corner, PLATE)), "b.jpg", 351)
    assert rotate_box(corner, 351, 200, 40).y2 < 0
    assert len(record.boxes) == 1


def test_boxes_are_cut_at_the_edge():
    photo = PhotoRecord("a.jpg", 96, 64, (BoxRecord(0, 0, 30, 12),), "original")
    record = copy_record(photo, "b.jpg", 9)
    box = record.boxes[0]
    assert box.x1 >= 0 <= box.y1
    assert box.x2 <= 96
    assert (record.file, record.source) == ("b.jpg", "original")


def test_a_set_becomes_91_times_as_many(tmp_path, make_photo_set):
    boxes = {"a.png": (PLATE,), "sub/a.png": (PLATE,), "edge.png": (BoxRecord(0, 0, 30, 12),)}
    annotations = make_photo_set(tmp_path / "in", boxes)
    summary = run(annotations, tmp_path / "out")
    assert (summary.photos, summary.rotated) == (3, 21)
    assert (summary.with_brightness, summary.copies) == (3 * 49, 3 * 91)
    assert summary.set_aside == {"plate cut": 78}

    made = read_annotations(tmp_path / "out" / "boxes.csv")
    assert len(made.photos) == summary.kept == 3 * 91 - 78
    assert {photo.source for photo in made.photos} == {"a", "edge"}
    with (tmp_path / "out" / "manifest.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 273
    assert Counter(row["status"] for row in rows) == {"kept": 195, "set aside": 78}
    assert all((tmp_path / "out" / row["file"]).is_file() for row in rows)
    assert all(bool(row["reason"]) == (row["status"] == "set aside") for row in rows)


def test_copies_of_photos_with_like_names_do_not_replace_each_other(tmp_path, make_photo_set):
    names = ("a.png", "A.png", "sub/b.png", "sub_b.png")
    summary = run(make_photo_set(tmp_path / "in", dict.fromkeys(names, (PLATE,))), tmp_path / "out")
    files = [path.name.lower() for path in (tmp_path / "out").rglob("*.jpg")]
    assert summary.kept == len(files) == len(set(files)) == 4 * 91


@pytest.fixture
def nine(tmp_path, make_photo_set):
    return make_photo_set(tmp_path / "in", {f"p{n}.png": (PLATE,) for n in range(9)})


def test_the_result_does_not_depend_on_the_number_of_processes(nine, tmp_path):
    run(nine, tmp_path / "one", workers=1)
    run(nine, tmp_path / "two", workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_a_number_of_copies_is_drawn_by_seed(nine, tmp_path):
    out = tmp_path / "out"
    drawn = []
    for keep, seed in ((100, 0), (100, 0), (100, 1), (None, 0)):
        assert run(nine, out, keep=keep, seed=seed).kept == (keep or 819)
        drawn.append((out / "boxes.csv").read_text())
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[3].splitlines()) == 820
    with pytest.raises(InputError, match="cannot keep 1000: only 819 copies are sound"):
        run(nine, out, keep=1000)
    assert (out / "boxes.csv").read_text() == drawn[3]
    run(nine, out, keep=100)
    with (out / "manifest.csv").open() as stream:
        statuses = Counter(row["status"] for row in csv.DictReader(stream))
    assert statuses == {"kept": 100, "not drawn": 719}


def test_an_interrupted_run_goes_on(nine, tmp_path, monkeypatch):
    run(nine, tmp_path / "whole")
    out = tmp_path / "out"
    results = augment_photos(nine, out, AugmentSettings(), 1)
    for _ in range(4):
        next(results)
    results.close()
    with (out / ".augment.jsonl").open("a") as journal:
        journal.write('{"photo": "p7.png", "rea')  # killed while writing
    (out / "p0-r003.jpg").unlink()  # lost since

    worked = []
    original = augmentation_run._augment
    monkeypatch.setattr(
        augmentation_run, "_augment", lambda task: worked.append(task.name) or original(task)
    )
    run(nine, out)
    assert worked == ["p0", "p4", "p5", "p6", "p7", "p8"]
    whole, resumed = digests(tmp_path / "whole"), digests(out)
    # The journal notes photos in the order they were finished.
    assert whole.pop(".augment.jsonl")
    assert resumed.pop(".augment.jsonl")
    assert whole == resumed


def test_another_set_or_other_options_are_not_mixed_in(nine, tmp_path):
    out = tmp_path / "out"
    run(nine, out)
    fewer = replace(nine, photos=nine.photos[:4])
    with pytest.raises(OutputError, match="choose another folder"):
        run(fewer, out)
    with pytest.raises(OutputError, match="choose another folder"):
        list(augment_photos(nine, out, AugmentSettings(quality=50), 1))
    with pytest.raises(OutputError, match="choose another folder"):
        run(nine, tmp_path / "in")


def test_a_photo_that_cannot_be_used_is_reported_and_tried_again(nine, tmp_path):
    sound = (tmp_path / "in" / "p3.png").read_bytes()
    (tmp_path / "in" / "p3.png").write_bytes(sound[:60] + b"x" * (len(sound) - 60))
    photos = list(augment_photos(nine, tmp_path / "out", AugmentSettings(), 1))
    assert [photo.name for photo in photos if photo.error] == ["p3"]
    (tmp_path / "in" / "p3.png").write_bytes(sound)
    photos = list(augment_photos(nine, tmp_path / "out", AugmentSettings(), 1))
    assert not any(photo.error for photo in photos)


def test_a_photo_of_another_size_than_labelled_is_refused(nine, tmp_path):
    wrong = replace(nine, photos=(replace(nine.photos[0], width=97),))
    (photo,) = augment_photos(wrong, tmp_path / "out", AugmentSettings(), 1)
    assert "labelled as 97 x 64, but is 96 x 64" in photo.error
