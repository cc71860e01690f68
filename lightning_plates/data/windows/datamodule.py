"""Random windows for training and whole photos for validation of the dense detector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lightning_plates import processing
from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.data.labelled_photos import (
    DividedSet,
    Division,
    SplitChoice,
    divide_set,
)
from lightning_plates.data.windows.augmentation import WindowLook
from lightning_plates.data.windows.photos import (
    PhotoPool,
    PhotoSet,
    count_plates,
    divide_source,
    load_pool,
)
from lightning_plates.data.windows.sampling import PLATE, Window, WindowRanges, draw_window
from lightning_plates.errors import InputError
from lightning_plates.photos import load_photo
from lightning_plates.spec import ModelSpec

if TYPE_CHECKING:
    from lightning_plates.models.checkpoint import SpecModule

MAX_BOXES = 16
"""Boxes of one window that are kept; more do not occur in the sets."""


class PlateBatch(NamedTuple):
    """What the detector's steps receive."""

    images: Tensor
    """Pixels as the model's spec says, shape ``(N, 3, H, W)``."""
    boxes: Tensor
    """``x1, y1, x2, y2`` in pixels of the input, shape ``(N, MAX_BOXES, 4)``."""
    kinds: Tensor
    """1 a plate, -1 one that does not count, 0 an empty slot; shape ``(N, MAX_BOXES)``."""
    zoom: Tensor
    """Pixels of the photo in one pixel of the input, in x and y, shape ``(N, 2)``."""
    numbers: Tensor
    """Number of each image in its data set, shape ``(N,)``."""


class WindowDataset(Dataset[PlateBatch]):
    """Windows that depend on nothing but the seed and their number.

    Args:
        pools: Training photos.
        spec: The model's convention.
        ranges: How windows are drawn.
        length: Number of windows.
        seed: Another seed, for example of the next epoch, gives other windows.
        photometric: Whether light, colour, sharpness and noise are changed.
    """

    def __init__(
        self,
        pools: Sequence[PhotoPool],
        spec: ModelSpec,
        ranges: WindowRanges,
        length: int,
        seed: tuple[int, int],
        photometric: bool = True,
    ) -> None:
        self._pools, self._spec, self._ranges = pools, spec, ranges
        self._length, self._seed = length, seed
        self._look = WindowLook() if photometric else None
        weights = np.array([pool.source.weight for pool in pools])
        self._shares = weights / weights.sum()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> PlateBatch:
        rng = np.random.default_rng((*self._seed, index))
        pool = self._pools[int(rng.choice(len(self._pools), p=self._shares))]
        window = draw_window(pool, self._ranges, rng)
        if self._look is not None:
            image = self._look(window.image, int(rng.integers(2**31)))
            window = Window(image, window.boxes, window.kinds)
        return to_example(window, self._spec, index)


class WholePhotoDataset(Dataset[PlateBatch]):
    """Whole photos, placed on the input as in use.

    Args:
        sets: The photos.
        spec: The model's convention.
    """

    def __init__(self, sets: Sequence[AnnotationSet], spec: ModelSpec) -> None:
        self.photos = tuple(photo for one in sets for photo in one.photos)
        self._files = tuple(one.path_of(photo) for one in sets for photo in one.photos)
        self._spec = spec

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> PlateBatch:
        record = self.photos[index]
        pixels, placement = processing.resize_photo(load_photo(self._files[index]), self._spec)
        fitted = placement.share_x * self._spec.width, placement.share_y * self._spec.height
        shares = [box.shares_of(record.width, record.height) for box in record.boxes]
        boxes = np.array(shares, dtype=np.float64).reshape(-1, 4) * np.array([*fitted, *fitted])
        kinds = np.full(len(boxes), PLATE, dtype=np.int64)
        zoom = placement.width / fitted[0], placement.height / fitted[1]
        return to_example(Window(pixels, boxes, kinds), self._spec, index, zoom)


class PlateWindowDataModule(LightningDataModule):
    """Labelled photo sets as random windows.

    A Trainer must ask for new ones every epoch (``reload_dataloaders_every_n_epochs: 1``).

    Args:
        sources: Sets with a weight each, divided by names or by their ``split.csv``; see
            :class:`PhotoSet`.
        ranges: How windows are drawn.
        windows_per_epoch: Windows that make an epoch.
        batch_size: Windows of one step.
        workers: Processes that prepare windows; 0 does it in the main one, which is quickest
            where the network itself needs all the cores.
        seed: Seed of all windows, and of a split that is made here.
        photometric: Whether light, colour, sharpness and noise of the windows are changed.
        path: Further sets, or the only ones: folder or label file of one, or several of them. They
            are divided into train, val and test as for the other networks.
        split: How the sets of ``path`` are divided.
        group_by: Regular expression whose match in a photo's name is its group in a split.

    Raises:
        InputError: There is neither a source nor a path.
    """

    def __init__(
        self,
        sources: list[PhotoSet] | None = None,
        ranges: WindowRanges | None = None,
        windows_per_epoch: int = 480,
        batch_size: int = 24,
        workers: int = 0,
        seed: int = 0,
        photometric: bool = True,
        path: str | list[str] | None = None,
        split: SplitChoice = "auto",
        group_by: str = "",
    ) -> None:
        super().__init__()
        self.sources, self.ranges = sources or [], ranges or WindowRanges()
        self.paths = [Path(one) for one in ([path] if isinstance(path, str) else path or [])]
        if not self.sources and not self.paths:
            raise InputError("no photo set given; name one with --data.path FOLDER")
        self.split_choice, self.group_by = split, group_by
        self.photometric = photometric
        self.windows_per_epoch, self.batch_size = windows_per_epoch, batch_size
        self.workers, self.seed = workers, seed
        self._pools: tuple[PhotoPool, ...] = ()
        self._announced = False

    def setup(self, stage: str) -> None:
        """Decode the training photos, once.

        Raises:
            InputError: A set cannot be read, or a side that ``stage`` needs is empty.
        """
        if not self._announced:
            print(*(division.description for division in self.divisions), sep="\n")
            self._announced = True
        for side in {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}[stage]:
            self._require(side)
        if stage == "fit" and not self._pools:
            self._pools = tuple(
                load_pool(one, divided.sides["train"] if divided else read_annotations(one.path))
                for one, divided in self._sets
            )
            print("training windows from", count_plates(self._pools))

    @cached_property
    def _sets(self) -> tuple[tuple[PhotoSet, DividedSet | None], ...]:
        """All sets, divided; ``None`` where all of one is for training and measuring needs none."""
        named = [(one, divide_source(one, self.seed)) for one in self.sources]
        given = [
            (PhotoSet(path), divide_set(path, self.split_choice, self.seed, self.group_by))
            for path in self.paths
        ]
        return (*named, *given)

    @property
    def _divided(self) -> tuple[DividedSet, ...]:
        return tuple(divided for _, divided in self._sets if divided is not None)

    @property
    def divisions(self) -> tuple[Division, ...]:
        """How the sets that keep photos for validation were divided."""
        return tuple(one.division for one in self._divided)

    def dataset(self, side: str) -> WholePhotoDataset:
        """Whole photos of all sets that have some on a side.

        Args:
            side: ``val``, or ``test``, which sets divided by a pattern do not have.

        Raises:
            InputError: No set keeps photos for that.
        """
        chosen = [one.sides[side] for one in self._divided if one.sides[side].photos]
        if not chosen:
            raise InputError(
                f"no set keeps {side!r} photos: those of --data.path are divided, a source needs "
                "a split.csv or a validation pattern; evaluate-finder measures on any set"
            )
        return WholePhotoDataset(chosen, self._spec)

    def _require(self, side: str) -> None:
        """Refuse before photos are decoded what would be refused after it."""
        if side == "train":
            for one in self._divided:
                if not one.sides[side].photos:
                    raise InputError(f"{one.division.path}: the split leaves no train photos")
            return
        self.dataset(side)

    def train_dataloader(self) -> DataLoader[PlateBatch]:
        """Windows of the current epoch."""
        assert self.trainer is not None
        seed = (self.seed, self.trainer.current_epoch)
        windows = WindowDataset(
            self._pools, self._spec, self.ranges, self.windows_per_epoch, seed, self.photometric
        )
        return DataLoader(windows, self.batch_size, num_workers=self.workers, drop_last=True)

    def val_dataloader(self) -> DataLoader[PlateBatch]:
        """Whole validation photos."""
        return DataLoader(self.dataset("val"), self.batch_size, num_workers=self.workers)

    def test_dataloader(self) -> DataLoader[PlateBatch]:
        """Whole test photos."""
        return DataLoader(self.dataset("test"), self.batch_size, num_workers=self.workers)

    @property
    def _spec(self) -> ModelSpec:
        if self.trainer is None:
            raise RuntimeError("the data module is not attached to a Trainer")
        return cast("SpecModule", self.trainer.lightning_module).spec


def to_example(
    window: Window, spec: ModelSpec, number: int, zoom: tuple[float, float] = (1.0, 1.0)
) -> PlateBatch:
    """Scale the pixels and pad the boxes of one image; a loader stacks them to a batch."""
    count = min(len(window.boxes), MAX_BOXES)
    boxes = torch.zeros(MAX_BOXES, 4)
    kinds = torch.zeros(MAX_BOXES, dtype=torch.int64)
    boxes[:count] = torch.from_numpy(window.boxes[:count]).float()
    kinds[:count] = torch.from_numpy(window.kinds[:count])
    pixels = torch.from_numpy(processing.scale_pixels(window.image[None], spec)[0])
    return PlateBatch(pixels, boxes, kinds, torch.tensor(zoom), torch.tensor(number))
