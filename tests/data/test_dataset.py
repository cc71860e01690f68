"""What the network sees of a photo, and that augmentation depends on seed, epoch and photo only."""

import numpy as np
import pytest
import torch

from lightning_plates.data.dataset import EpochSampler, PlateDataset, collate, shrink_photo
from lightning_plates.data.labelled_photos import read_divided
from lightning_plates.data.transforms import PRESETS, Augmentation
from lightning_plates.photos import load_photo
from lightning_plates.processing import prepare
from lightning_plates.spec import ModelSpec

SPEC = ModelSpec("tiny", 48, 32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))


@pytest.fixture(scope="module")
def photos(plate_set):
    return read_divided([plate_set], "none").sides["train"]


def test_one_box_a_photo_and_the_rest_is_reported(plate_set):
    sets = read_divided([plate_set], "none")
    assert len(sets.sides["train"]) == 29
    assert sets.boxes_left_out == 1
    first = sets.sides["train"][0].box
    assert (first[2] - first[0], first[3] - first[1]) == (28, 14)


@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_images_are_those_of_the_runtimes_and_boxes_come_back_to_pixels(photos, resize):
    spec = ModelSpec("tiny", 48, 32, mean=SPEC.mean, std=SPEC.std, resize=resize)
    dataset = PlateDataset(photos, spec)
    batch = collate([dataset[0], dataset[1]])
    expected, _ = prepare([load_photo(photo.path) for photo in photos[:2]], spec)
    assert np.array_equal(batch.images.numpy(), expected)
    pixels = batch.targets.to_photo(batch.targets.boxes)
    torch.testing.assert_close(pixels, torch.tensor([photo.box for photo in photos[:2]]))
    for given, known in zip(batch.targets, dataset.targets(), strict=True):
        assert torch.equal(given, known[:2])


@pytest.mark.parametrize("preset", sorted(set(PRESETS) - {"none"}))
def test_augmentation_repeats_for_a_seed_and_moves_the_box(photos, preset):
    first = PlateDataset(photos, SPEC, Augmentation(preset), seed=5)
    second = PlateDataset(photos, SPEC, Augmentation(preset), seed=5)
    assert torch.equal(first[3].image, second[3].image)
    before = torch.stack([first[n].image for n in range(8)])
    first.epoch = 1
    assert not torch.equal(before, torch.stack([first[n].image for n in range(8)]))


@pytest.mark.parametrize("preset", sorted(set(PRESETS) - {"none"}))
def test_the_box_stays_on_the_plate(photos, preset):
    spec = ModelSpec("tiny", 64, 64)
    dataset = PlateDataset(photos, spec, Augmentation(preset), seed=1)
    for number in range(len(photos)):
        sample = dataset[number]
        x1, y1, x2, y2 = (sample.box * 64).round().int().tolist()
        inside = sample.image[:, y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].mean()
        around = sample.image.clone()
        around[:, y1:y2, x1:x2] = torch.nan
        # The plate is the only bright thing; a box that went astray would show noise.
        assert inside > 1.5 * around.nanmean()


def test_photos_shrink_to_the_working_size_but_never_grow():
    photo = np.zeros((400, 800, 3), dtype=np.uint8)
    assert shrink_photo(photo, 200, 200).shape == (200, 400, 3)
    assert shrink_photo(photo, 900, 100) is photo


def test_the_order_depends_on_seed_and_epoch(photos):
    dataset = PlateDataset(photos, SPEC)

    def order(seed, epoch):
        sampler = EpochSampler(dataset, num_replicas=1, rank=0, shuffle=True, seed=seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(0, 2) == order(0, 2)
    assert order(0, 2) != order(0, 3)
    assert order(0, 2) != order(1, 2)
    assert sorted(order(0, 2)) == list(range(29))
