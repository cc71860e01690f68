import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from lightning_plates.bench.crop_views import deskew, estimate_slope


def plate(slope):
    """White plate with dark text whose rows fall by ``slope`` pixels a pixel to the right."""
    image = Image.new("RGB", (200, 100), "white")
    font = ImageFont.load_default(size=46)
    ImageDraw.Draw(image).text((12, 22), "BCR456", fill="black", font=font)
    shear = (1, 0, 0, -slope, 1, slope * 100)
    return np.asarray(image.transform(image.size, Image.Transform.AFFINE, shear, fillcolor="white"))


@pytest.mark.parametrize("slope", [-0.2, -0.1, 0.1, 0.2])
def test_the_slope_is_found_and_undone(slope):
    slanted = plate(slope)
    assert estimate_slope(slanted) == pytest.approx(slope, abs=0.02)
    level = deskew(slanted)
    assert level.shape == slanted.shape
    assert abs(estimate_slope(level)) <= 0.02


def test_a_level_plate_is_left_alone():
    image = plate(0.0)
    assert deskew(image) is image


def test_too_small_to_tell():
    image = np.zeros((8, 40, 3), dtype=np.uint8)
    assert deskew(image) is image
