import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from pytorch_lightning import Trainer

from lightning_plates.data.annotations import boxes_csv
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.data.split import make_split, read_split, write_split
from lightning_plates.data.windows.augmentation import WindowLook
from lightning_plates.data.windows.datamodule import (
    PlateWindowDataModule,
    WholePhotoDataset,
    WindowDataset,
    collate,
    to_example,
)
from lightning_plates.data.windows.photos import PhotoSet, divide_source, label_photo, load_pool
from lightning_plates.data.windows.sampling import WindowRanges, cut_window
from lightning_plates.errors import AnnotationError, InputError
from lightning_plates.models.lit_plate_detector import LitPlateDetector
from lightning_plates.photos import load_photo
from lightning_plates.spec import ModelSpec

SPEC = ModelSpec("finder", 64, 64, resize="letterbox", task="detection")


@pytest.fixture(scope="module")
def photo_set(tmp_path_factory, make_photo_set):
    folder = tmp_path_factory.mktemp("set")
    boxes = {f"drive{i % 3}_{i}.png": [BoxRecord(10 + i, 20, 50 + i, 32)] for i in range(6)}
    boxes["drive0_empty.png"] = []
    boxes_csv.write(make_photo_set(folder, boxes), folder)
    return PhotoSet(folder, validation="drive2")


def pool_of(source):
    return load_pool(source, divide_source(source, seed=0).sides["train"])


def test_the_pattern_keeps_a_whole_drive_for_validation(photo_set):
    sides = divide_source(photo_set, seed=0).sides
    drives = {side: {photo.file[:6] for photo in one.photos} for side, one in sides.items()}
    assert drives == {"train": {"drive0", "drive1"}, "val": {"drive2"}, "test": set()}


@pytest.mark.parametrize(
    ("pattern", "reason"), [("zebra", "no validation photos"), ("[", "unterminated")]
)
def test_a_pattern_that_matches_nothing_or_is_none_is_refused(photo_set, pattern, reason):
    with pytest.raises(InputError, match=reason):
        divide_source(PhotoSet(photo_set.path, validation=pattern), seed=0)


def test_the_run_record_will_say_how_sets_were_divided(photo_set, tmp_path, make_photo_set):
    kept = PhotoSet(photo_set.path, validation=photo_set.validation)
    data = PlateWindowDataModule([kept, PhotoSet(photo_set.path.parent / "other")], seed=7)
    (division,) = data.divisions
    assert (division.path, division.protocol, division.seed) == (str(kept.path), "by name", 7)
    assert division.shared_sources == 0
    # Copies of one photo that the pattern parts are a leak.
    copies = tmp_path / "copies"
    boxes = {f"{name}.png": [BoxRecord(10, 20, 50, 32)] for name in ("a_1", "b_1")}
    records = make_photo_set(copies, boxes)
    same = [dataclasses.replace(photo, source="one") for photo in records.photos]
    boxes_csv.write(dataclasses.replace(records, photos=tuple(same)), copies)
    (leaky,) = PlateWindowDataModule([PhotoSet(copies, validation="b")]).divisions
    assert leaky.shared_sources == 1
    assert "5 training and 2 validation photos" in division.description


def test_plates_that_the_labels_leave_out_are_read_from_their_own_file(photo_set, tmp_path):
    table = tmp_path / "unlabelled.csv"
    head = "file,width,height,x1,y1,x2,y2,text\n"
    # Half the photo's size: boxes are shares of the size that their own file states.
    table.write_text(f"{head}drive0_0.png,48,32,5,6,9,8,\ndrive2_2.png,48,32,5,6,9,8,\n")
    pool = pool_of(dataclasses.replace(photo_set, unlabelled=table))
    boxes = {photo.file: photo.unlabelled.tolist() for photo in pool.photos}
    assert boxes.pop("drive0_0.png") == [[10, 12, 18, 16]]
    assert not any(boxes.values())
    table.write_text(f"{head}other.png,48,32,5,6,9,8,\n")
    with pytest.raises(AnnotationError, match=r"'other\.png': no such photo"):
        pool_of(dataclasses.replace(photo_set, unlabelled=table))


def test_windows_depend_on_seed_and_number_only(photo_set):
    pools = [pool_of(photo_set)]
    ranges = WindowRanges(size=64)
    one, again = (WindowDataset(pools, SPEC, ranges, 4, (0, 1)) for _ in range(2))
    other = WindowDataset(pools, SPEC, ranges, 4, (0, 2))
    _ = one[0]  # what was drawn before does not matter
    assert (one[3].image == again[3].image).all()
    assert not (one[3].image == other[3].image).all()


def test_whole_photos_are_placed_as_in_use(photo_set):
    photos = WholePhotoDataset([divide_source(photo_set, seed=0).sides["val"]], SPEC)
    example = photos[0]
    # 96 × 64 pixels on 64 × 64: scaled by two thirds, and back by 1.5.
    box = photos.photos[0].boxes[0]
    assert example.boxes[0].tolist() == pytest.approx([x * 2 / 3 for x in box.xyxy], abs=0.3)
    assert example.zoom.tolist() == pytest.approx([1.5, 1.5], rel=0.02)
    assert example.kinds.tolist() == [1]
    assert example.image.shape == (3, 64, 64)


def test_all_boxes_of_a_photo_and_of_a_window_are_kept(tmp_path, make_photo_set):
    many = [BoxRecord(4 * i, 8 * j, 4 * i + 3, 8 * j + 3) for i in range(20) for j in range(2)]
    boxes = {"many.png": many, "one.png": [BoxRecord(10, 20, 50, 32)], "none.png": []}
    photos = make_photo_set(tmp_path, boxes)
    batch = collate([WholePhotoDataset([photos], SPEC)[i] for i in range(3)])
    assert (batch.kinds == 1).sum(dim=1).tolist() == [40, 1, 0]
    assert batch.boxes.shape == (3, 40, 4)
    pixels = np.array([box.xyxy for box in many]) * 2 / 3
    assert batch.boxes[0].numpy() == pytest.approx(pixels, abs=0.3)
    # A window of the whole photo, labelled for training.
    ranges = WindowRanges(size=96, min_width=1.0)
    photo = label_photo(load_photo(tmp_path / "many.png"), photos.photos[0])
    window = cut_window(photo, np.eye(2, 3), ranges, 96)
    assert to_example(window, SPEC, 0).kinds.tolist() == [1] * 40


def test_a_batch_without_boxes_has_an_empty_slot(tmp_path, make_photo_set):
    photos = make_photo_set(tmp_path, {"none.png": []})
    batch = collate([WholePhotoDataset([photos], SPEC)[0]])
    assert batch.kinds.tolist() == [[0]]


def test_validation_needs_a_plate(tmp_path, make_photo_set):
    boxes = {f"photo{i}.png": [BoxRecord(10, 20, 50, 32)] if i < 4 else [] for i in range(6)}
    boxes_csv.write(make_photo_set(tmp_path, boxes), tmp_path)
    data = attached(PlateWindowDataModule([PhotoSet(tmp_path, validation="photo[45]")]))
    with pytest.raises(InputError, match="none of the val photos shows a plate"):
        data.setup("fit")


def test_only_validation_photos_are_served_whole(photo_set):
    with pytest.raises(InputError, match="evaluate-finder"):
        PlateWindowDataModule([photo_set]).dataset("test")


def test_looks_repeat_by_seed_and_change_the_window():
    look = WindowLook()
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    changed = [look(image, seed) for seed in range(20)]
    assert any((one != image).any() for one in changed)
    np.testing.assert_array_equal(look(image, 7), changed[7])


def attached(data):
    """The data module with the Trainer that it asks for the network's convention."""
    data.trainer = SimpleNamespace(lightning_module=SimpleNamespace(spec=SPEC))
    return data


def test_own_photos_are_divided_as_data_split_says(photo_set, tmp_path, make_photo_set, capsys):
    boxes = {f"photo{i}.png": [BoxRecord(10 + i, 20, 50 + i, 32)] for i in range(10)}
    photos = make_photo_set(tmp_path, boxes)
    boxes_csv.write(photos, tmp_path)
    write_split(make_split(photos, seed=5), tmp_path)
    data = attached(PlateWindowDataModule(path=str(tmp_path)))
    data.setup("fit")
    seen = {side: {p.file for p in data.dataset(side).photos} for side in ("val", "test")}
    split = read_split(tmp_path)
    assert seen == {side: set(split.files(side)) for side in ("val", "test")}
    assert {photo.file for photo in data._pools[0].photos} == set(split.files("train"))
    assert [(one.protocol, one.seed) for one in data.divisions] == [("grouped", 5)]
    assert "train 8, val 1, test 1" in capsys.readouterr().out
    # Beside a set with a weight of its own, both are trained on and validated with.
    both = attached(PlateWindowDataModule([photo_set], path=[str(tmp_path)]))
    both.setup("fit")
    assert [len(pool.photos) for pool in both._pools] == [5, 8]
    assert len(both.dataset("val")) == 2 + 1


def test_a_source_without_a_pattern_obeys_its_split(tmp_path, make_photo_set):
    boxes = {f"photo{i}.png": [BoxRecord(10 + i, 20, 50 + i, 32)] for i in range(10)}
    photos = make_photo_set(tmp_path, boxes)
    boxes_csv.write(photos, tmp_path)
    undivided = attached(PlateWindowDataModule([PhotoSet(tmp_path)]))
    with pytest.raises(InputError, match=r"needs a split\.csv or a validation pattern"):
        undivided.dataset("val")
    assert undivided.divisions == ()
    write_split(make_split(photos, seed=5), tmp_path)
    source = PhotoSet(tmp_path / "boxes.csv", weight=0.3)
    data = attached(PlateWindowDataModule([source]))
    data.setup("fit")
    split = read_split(tmp_path)
    assert {photo.file for photo in data._pools[0].photos} == set(split.files("train"))
    assert data._pools[0].source == source
    for side in ("val", "test"):
        assert {photo.file for photo in data.dataset(side).photos} == set(split.files(side))
    assert [(one.protocol, one.seed) for one in data.divisions] == [("grouped", 5)]
    # The pattern is what the configuration says in so many words.
    named = attached(PlateWindowDataModule([PhotoSet(tmp_path, validation="photo[0-4]")]))
    assert len(named.dataset("val")) == 5


def test_without_photos_or_a_side_it_says_what_to_name(tmp_path, make_photo_set):
    with pytest.raises(InputError, match=r"--data\.path"):
        PlateWindowDataModule()
    boxes = {f"photo{i}.png": [BoxRecord(10 + i, 20, 50 + i, 32)] for i in range(4)}
    photos = make_photo_set(tmp_path, boxes)
    boxes_csv.write(photos, tmp_path)
    write_split(make_split(photos, fractions=(0.0, 1.0, 0.0)), tmp_path)
    data = attached(PlateWindowDataModule(path=str(tmp_path)))
    with pytest.raises(InputError, match="leaves no train photos"):
        data.setup("fit")
    with pytest.raises(InputError, match="no set keeps 'test' photos"):
        data.setup("test")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Lightning's advice on workers and short epochs
def test_an_epoch_of_a_trainer_runs_and_measures(photo_set, tmp_path):
    module = LitPlateDetector(weights="none", size=64, channels=16)
    data = PlateWindowDataModule(
        [photo_set], WindowRanges(size=64), windows_per_epoch=4, batch_size=2
    )
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(module, datamodule=data)
    assert set(trainer.callback_metrics) >= {"train/loss", "val/mean_iou", "val/iou50"}
