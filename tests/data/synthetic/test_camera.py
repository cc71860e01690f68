import numpy as np
import pytest

from lightning_plates.data.synthetic.camera import orbit


def test_the_target_falls_on_the_chosen_pixel():
    camera = orbit((0.2, 0.8, 0.0), 4.0, (30, 15, 5), 700, (123.0, 321.0))
    assert camera.project(np.array([[0.2, 0.8, 0.0]]))[0] == pytest.approx((123, 321), abs=1e-3)


def test_a_metre_has_focal_over_distance_pixels_and_axes_point_right_and_up():
    camera = orbit((0, 1, 0), 5.0, (0, 0, 0), 600, (300, 200))
    origin, right, above = camera.project(np.array([[0, 1, 0], [1, 1, 0], [0, 2, 0]], float))
    assert right - origin == pytest.approx((120, 0), abs=1e-3)
    assert above - origin == pytest.approx((0, -120), abs=1e-3)
    assert camera.scale_at((0, 1, 0)) == pytest.approx(120)


def test_the_ground_homography_agrees_with_projection():
    camera = orbit((0, 0.7, 0), 6.0, (20, 10, 3), 700, (320, 240))
    x, y, w = camera.ground() @ (1.5, 4.0, 1.0)
    assert (x / w, y / w) == pytest.approx(camera.project(np.array([[1.5, 0, 4.0]]))[0], abs=1e-3)


def test_the_horizon_is_where_far_ground_ends():
    camera = orbit((0, 0.7, 0), 6.0, (0, 8, 4), 700, (320, 240))
    left, right = camera.horizon(640)
    far = camera.project(np.array([[0.0, 0.0, 1e6]]))[0]
    on_line = left + (right - left) * far[0] / 640
    assert far[1] == pytest.approx(on_line, abs=0.5)
