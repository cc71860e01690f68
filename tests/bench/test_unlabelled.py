import pytest

from lightning_plates.bench.unlabelled import covered_share


def test_the_covered_share_is_of_the_box_and_not_of_the_label():
    assert covered_share((0, 0, 10, 10), [(5, 5, 100, 100), (-5, 0, 4, 10)]) == pytest.approx(0.4)
    assert covered_share((0, 0, 10, 10), [(20, 0, 30, 10)]) == 0
    assert covered_share((0, 0, 10, 10), []) == 0
