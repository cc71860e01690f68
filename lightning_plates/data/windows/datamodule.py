"""Random windows for training and whole photos for validation of the dense detector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import torch
from pytorch_lightning import LightningDataModule
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lightning_plates import processing
from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.data.dataset import (
    MAX_COUNT,
    MAX_SEED,
    MAX_WORKERS,
    measuring_sampler,
    require_between,
)
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


class PlateExample(NamedTuple):
    """One image with all its boxes."""

    image: Tensor
    """Pixels as the model's spec says, shape ``(3, H, W)``."""
    boxes: Tensor
    """``x1, y1, x2, y2`` in pixels of the input, shape ``(M, 4)``."""
    kinds: Tensor
    """1 a plate, -1 one that does not count; shape ``(M,)``."""
    zoom: Tensor
    """Pixels of the photo in one pixel of the input, in x and y, shape ``(2,)``."""
    number: Tensor
    """Number of the image in its data set, a scalar."""


class PlateBatch(NamedTuple):
    """What the detector's steps receive."""

    images: Tensor
    """Pixels as the model's spec says, shape ``(N, 3, H, W)``."""
    boxes: Tensor
    """``x1, y1, x2, y2`` in pixels of the input, shape ``(N, M, 4)``; M is the largest number of
    boxes in an image of the batch."""
    kinds: Tensor
    """1 a plate, -1 one that does not count, 0 an empty slot; shape ``(N, M)``."""
    zoom: Tensor
    """Pixels of the photo in one pixel of the input, in x and y, shape ``(N, 2)``."""
    numbers: Tensor
    """Number of each image in its data set, shape ``(N,)``."""


class WindowDataset(Dataset[PlateExample]):
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

    def __getitem__(self, index: int) -> PlateExample:
        rng = np.random.default_rng((*self._seed, index))
        pool = self._pools[int(rng.choice(len(self._pools), p=self._shares))]
        window = draw_window(pool, self._ranges, rng)
        if self._look is not None:
            image = self._look(window.image, int(rng.integers(2**31)))
            window = Window(image, window.boxes, window.kinds)
        return to_example(window, self._spec, index)


class WholePhotoDataset(Dataset[PlateExample]):
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

    def __getitem__(self, index: int) -> PlateExample:
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
        ConfigError: A number is out of range.
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
        require_between(1, MAX_COUNT, batch_size=batch_size, windows_per_epoch=windows_per_epoch)
        require_between(0, MAX_WORKERS, workers=workers)
        require_between(0, MAX_SEED, seed=seed)
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
            _announce(*(division.description for division in self.divisions))
            self._announced = True
        for side in {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}[stage]:
            self._require(side)
        if stage == "fit" and not self._pools:
            self._pools = tuple(
                load_pool(one, divided.sides["train"] if divided else read_annotations(one.path))
                for one, divided in self._sets
            )
            _announce(f"training windows from {count_plates(self._pools)}")

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
        if not any(photo.boxes for photo in self.dataset(side).photos):
            raise InputError(f"none of the {side} photos shows a plate to be measured on")

    def train_dataloader(self) -> DataLoader[PlateExample]:
        """Windows of the current epoch."""
        assert self.trainer is not None
        seed = (self.seed, self.trainer.current_epoch)
        windows = WindowDataset(
            self._pools, self._spec, self.ranges, self.windows_per_epoch, seed, self.photometric
        )
        return self._loader(windows, drop_last=True)

    def val_dataloader(self) -> DataLoader[PlateExample]:
        """Whole validation photos."""
        return self._measured("val")

    def test_dataloader(self) -> DataLoader[PlateExample]:
        """Whole test photos."""
        return self._measured("test")

    def _measured(self, side: str) -> DataLoader[PlateExample]:
        assert self.trainer is not None
        photos = self.dataset(side)
        return self._loader(photos, sampler=measuring_sampler(photos, self.trainer))

    def _loader(self, examples: Dataset[PlateExample], **options: Any) -> DataLoader[PlateExample]:  # noqa: ANN401 -- DataLoader's
        return DataLoader(
            examples, self.batch_size, num_workers=self.workers, collate_fn=collate, **options
        )

    @property
    def _spec(self) -> ModelSpec:
        if self.trainer is None:
            raise RuntimeError("the data module is not attached to a Trainer")
        return cast("SpecModule", self.trainer.lightning_module).spec


def to_example(
    window: Window, spec: ModelSpec, number: int, zoom: tuple[float, float] = (1.0, 1.0)
) -> PlateExample:
    """Scale the pixels of one image; its boxes are in pixels of the input already."""
    return PlateExample(
        torch.from_numpy(processing.scale_pixels(window.image[None], spec)[0]),
        torch.from_numpy(window.boxes).float(),
        torch.from_numpy(window.kinds),
        torch.tensor(zoom),
        torch.tensor(number),
    )


def collate(examples: Sequence[PlateExample]) -> PlateBatch:
    """Stack examples to a batch; all of their boxes are kept."""
    # One slot at least: losses and metrics reduce over the boxes.
    most = max(1, *(len(one.boxes) for one in examples))
    return PlateBatch(
        torch.stack([one.image for one in examples]),
        torch.stack([_fill_up(one.boxes, most) for one in examples]),
        torch.stack([_fill_up(one.kinds, most) for one in examples]),
        torch.stack([one.zoom for one in examples]),
        torch.stack([one.number for one in examples]),
    )


def _fill_up(values: Tensor, count: int) -> Tensor:
    """Put zeros behind ``values`` until there are ``count``."""
    return torch.cat([values, values.new_zeros(count - len(values), *values.shape[1:])])


@rank_zero_only
def _announce(*lines: str) -> None:
    print(*lines, sep="\n")
