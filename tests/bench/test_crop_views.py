from pathlib import Path

import numpy as np
import pytest

from lightning_plates.bench.crop_views import CropView, read_view
from lightning_plates.bench.reading_trials import Trial
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.reading.characters import believe
from lightning_plates.reading.crop_reader import CropReader


class Engine:
    """Is never sure, and keeps the sizes of the rows that it was shown."""

    label = "fake"

    def __init__(self):
        self.sizes = []

    def read(self, row):
        self.sizes.append(row.shape[:2])
        return believe("A1", [0.6, 0.6])


@pytest.mark.parametrize(("once", "readings"), [(False, 3), (True, 1)])
def test_a_view_reads_unsure_crops_again_unless_it_says_once(once, readings):
    engine = Engine()
    read = read_view(CropReader(engine), CropView("x", once=once, upscale=2), jitter=0.0, seed=0)
    trial = Trial(Path("a.jpg"), (BoxRecord(10, 20, 60, 40, text="A1"),))
    assert read(np.zeros((100, 100, 3), np.uint8), trial).belief.text == "A1"
    assert len(engine.sizes) == readings
    assert engine.sizes[0] == (2 * 22, 2 * 54)  # with 4 % on every side
