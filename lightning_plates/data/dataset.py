"""Photos with one plate box each, as a network sees them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from pytorch_lightning import Trainer
from pytorch_lightning.overrides.distributed import UnrepeatedDistributedSampler
from torch import Tensor
from torch.utils.data import Dataset, DistributedSampler

from lightning_plates import processing
from lightning_plates.boxes import FloatArray
from lightning_plates.data.batches import ImageBatch, Targets
from lightning_plates.data.labelled_photos import LabelledPhoto
from lightning_plates.data.transforms import Augmentation
from lightning_plates.errors import ConfigError
from lightning_plates.photos import RgbImage, load_photo
from lightning_plates.placement import Placement, place
from lightning_plates.spec import ModelSpec

MAX_WORKERS, MAX_SEED, MAX_COUNT = 512, (1 << 32) - 1, 1_000_000
"""Of processes that decode photos, of seeds, and of photos in a batch or windows in an epoch."""
WORKING_SCALE = 2
"""Photos are shrunk to about this many times the input's size before they are augmented: crops
keep their detail, and a 12-megapixel photo does not cost a second."""


class Sample(NamedTuple):
    """One photo, ready for the network."""

    image: Tensor
    """Shape ``(3, H, W)``."""
    box: Tensor
    """0–1 of the input, shape ``(4,)``."""
    scale: Tensor
    """Pixels of the photo that one unit of the input spans in x and y, shape ``(2,)``."""
    number: int
    """Place in the data set."""


class PlateDataset(Dataset[Sample]):
    """Photos and their boxes.

    Args:
        photos: What to serve.
        spec: Convention of the network's input.
        augmentation: Applied to every photo, differently in every epoch; none serves them as
            they are.
        seed: Where the augmentation's random numbers begin.
    """

    def __init__(
        self,
        photos: Sequence[LabelledPhoto],
        spec: ModelSpec,
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        self.photos = tuple(photos)
        self.spec = spec
        self.augmentation = augmentation
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, number: int) -> Sample:
        photo = self.photos[number]
        image, box = load_photo(photo.path), np.array(photo.box, dtype=np.float64)
        # Labels may stem from a copy of another size: boxes follow the labelled one.
        placement = place(photo.width, photo.height, self.spec)
        if self.augmentation is not None:
            image, box = self._augment(self.augmentation, image, box, number)
            placement = place(image.shape[1], image.shape[0], self.spec)
        resized, _ = processing.resize_photo(image, self.spec)
        values = processing.scale_pixels(resized[None], self.spec)[0]
        return Sample(torch.from_numpy(values), *_target(placement, box), number)

    def targets(self) -> Targets:
        """The true boxes of all photos as they are, without decoding one."""
        placements = [place(p.width, p.height, self.spec) for p in self.photos]
        pairs = [
            _target(placement, np.array(photo.box, dtype=np.float64))
            for placement, photo in zip(placements, self.photos, strict=True)
        ]
        boxes, scales = (torch.stack(values) for values in zip(*pairs, strict=True))
        return Targets(boxes, scales, torch.arange(len(self.photos)))

    def _augment(
        self, augmentation: Augmentation, image: RgbImage, box: FloatArray, number: int
    ) -> tuple[RgbImage, FloatArray]:
        photo = self.photos[number]
        small = shrink_photo(
            image, self.spec.width * WORKING_SCALE, self.spec.height * WORKING_SCALE
        )
        factor = np.array([small.shape[1] / photo.width, small.shape[0] / photo.height] * 2)
        x1, y1, x2, y2 = (float(value) for value in box * factor)
        seed = derive_seed(self.seed, self.epoch, number)
        changed, changed_box = augmentation(small, (x1, y1, x2, y2), seed)
        return changed, np.array(changed_box, dtype=np.float64)


def shrink_photo(image: RgbImage, width: int, height: int) -> RgbImage:
    """Shrink ``image``, RGB ``(H, W, 3)``, to the smallest size that covers ``width`` × ``height``.

    A photo that is smaller already stays as it is.
    """
    scale = max(width / image.shape[1], height / image.shape[0])
    if scale >= 1:
        return image
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    shrunk = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(shrunk, dtype=np.uint8)


def derive_seed(*parts: int) -> int:
    """A 32-bit seed that depends on all ``parts`` and hardly ever repeats."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:4], "little")


def collate(samples: Sequence[Sample]) -> ImageBatch:
    """Stack samples to a batch."""
    targets = Targets(
        torch.stack([sample.box for sample in samples]),
        torch.stack([sample.scale for sample in samples]),
        torch.tensor([sample.number for sample in samples]),
    )
    return ImageBatch(torch.stack([sample.image for sample in samples]), targets)


class EpochSampler(DistributedSampler[Any]):
    """An order that depends on seed and epoch alone, so that a resumed run sees the same batches.

    Lightning announces every epoch to it; it passes the number on to a data set that augments.
    """

    def set_epoch(self, epoch: int) -> None:
        """Choose the order, and the augmentation, of ``epoch``."""
        super().set_epoch(epoch)
        if isinstance(self.dataset, PlateDataset):
            self.dataset.epoch = epoch


def require_between(low: int, high: int, **settings: int) -> None:
    """Check settings of a data module.

    Raises:
        ConfigError: One of them lies outside of ``low`` to ``high``.
    """
    for name, value in settings.items():
        if not low <= value <= high:
            raise ConfigError(f"--data.{name}: expected {low} to {high}, got {value}")


def measuring_sampler(dataset: Dataset[Any], trainer: Trainer) -> DistributedSampler[Any]:
    """All photos in their order, each in one process and once: means over them are exact.

    torch's own sampler for several processes repeats photos until all have the same number.

    Raises:
        ConfigError: There are fewer photos than processes.
    """
    count = len(dataset)  # type: ignore[arg-type]  # ours all have a length
    if count < trainer.world_size:
        raise ConfigError(
            f"{trainer.world_size} devices cannot measure on {count} photos; "
            "give --trainer.devices 1, or more photos"
        )
    return UnrepeatedDistributedSampler(
        dataset, num_replicas=trainer.world_size, rank=trainer.global_rank, shuffle=False
    )


def _target(placement: Placement, box: FloatArray) -> tuple[Tensor, Tensor]:
    """The box in 0–1 of the input, and the pixels that one unit of the input spans."""
    scale = (placement.width / placement.share_x, placement.height / placement.share_y)
    target = placement.to_input(box).astype(np.float32)
    return torch.from_numpy(target), torch.tensor(scale, dtype=torch.float32)
