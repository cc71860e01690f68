import numpy as np
import pytest

from lightning_plates.data.synthetic.scene import Scene, SceneOptions, compose

SMALL = SceneOptions(size=160)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [compose(np.random.default_rng([1, index]), SMALL) for index in range(40)]


def test_a_photo_has_its_long_side_and_one_plate_at_least(scenes: list[Scene]):
    assert {max(scene.pixels.shape[:2]) for scene in scenes} == {160}
    assert len({scene.pixels.shape for scene in scenes}) >= 3
    assert min(len(scene.plates) for scene in scenes) == 1


def test_the_same_generator_state_gives_the_same_photo(scenes: list[Scene]):
    again = compose(np.random.default_rng([1, 5]), SMALL)
    assert np.array_equal(again.pixels, scenes[5].pixels)
    assert np.array_equal(again.plates[0].corners, scenes[5].plates[0].corners)
    assert not np.array_equal(
        compose(np.random.default_rng([1, 6]), SMALL).pixels[:100, :100],
        again.pixels[:100, :100],
    )


def test_corners_are_in_reading_order_and_near_the_photo(scenes: list[Scene]):
    for scene in scenes:
        height, width = scene.pixels.shape[:2]
        for plate in scene.plates:
            tl, tr, br, bl = plate.corners
            edges = np.array([tr - tl, br - tr, bl - br, tl - bl])
            turns = [
                a[0] * b[1] - a[1] * b[0]
                for a, b in zip(edges, np.roll(edges, -1, axis=0), strict=True)
            ]
            assert min(turns) > 0, "convex and clockwise"
            assert tr[0] > tl[0]
            centre = plate.corners.mean(axis=0)
            assert (centre > 0).all()
            assert (centre < (width, height)).all()


def test_plates_have_the_wanted_width():
    options = SceneOptions(size=160, plate_width=(0.2, 0.3), several=0.0)
    for index in range(25):
        scene = compose(np.random.default_rng([2, index]), options)
        (plate,) = scene.plates
        top = np.linalg.norm(plate.corners[1] - plate.corners[0])
        low = np.linalg.norm(plate.corners[2] - plate.corners[3])
        share = float(top + low) / 2 / scene.pixels.shape[1]
        assert 0.19 < share < 0.33


def test_all_negatives_show_no_plate():
    options = SceneOptions(size=160, negatives=1.0, several=1.0)
    assert all(
        compose(np.random.default_rng([3, index]), options).plates == () for index in range(10)
    )


def test_several_plates_do_not_overlap_and_lie_inside():
    options = SceneOptions(size=160, plate_width=(0.04, 0.1), several=1.0)
    scenes = [compose(np.random.default_rng([4, index]), options) for index in range(40)]
    crowded = [scene for scene in scenes if len(scene.plates) > 1]
    assert crowded
    for scene in crowded:
        boxes = [(p.corners.min(axis=0), p.corners.max(axis=0)) for p in scene.plates]
        for index, (low, high) in enumerate(boxes):
            for other_low, other_high in boxes[index + 1 :]:
                apart = np.maximum(low, other_low) >= np.minimum(high, other_high)
                assert apart.any()


def test_a_plate_stands_out_from_the_photo_without_it():
    """The labelled region holds the plate: brighter than a car body without one, or textured."""
    options = SceneOptions(size=320, plate_width=(0.3, 0.4), several=0.0)
    spread = []
    for index in range(20):
        scene = compose(np.random.default_rng([5, index]), options)
        low = np.maximum(scene.plates[0].corners.min(axis=0), 0).astype(int)
        high = scene.plates[0].corners.max(axis=0).astype(int)
        spread.append(scene.pixels[low[1] : high[1], low[0] : high[0]].std())
    assert np.median(spread) > 25
