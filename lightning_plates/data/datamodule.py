"""Serves annotated photo sets to a Trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from pytorch_lightning import LightningDataModule
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from lightning_plates.data.dataset import (
    MAX_COUNT,
    MAX_SEED,
    MAX_WORKERS,
    EpochSampler,
    PlateDataset,
    collate,
    measuring_sampler,
    require_between,
)
from lightning_plates.data.feature_cache import (
    FeatureDataset,
    FeatureRows,
    cache_key,
    fill,
    hash_photos,
    keep_batch,
)
from lightning_plates.data.labelled_photos import (
    DividedSets,
    LabelledPhoto,
    SplitChoice,
    read_divided,
)
from lightning_plates.data.transforms import Augmentation, AugmentName
from lightning_plates.errors import ConfigError, InputError
from lightning_plates.spec import ModelSpec


class BoxModule(Protocol):
    """What the data module asks of the network that it serves."""

    spec: ModelSpec

    def frozen_backbone(self) -> nn.Module:
        """The backbone of a run that never trains it; refuses otherwise."""


class PlateDataModule(LightningDataModule):
    """One or several annotated photo sets, with one box a photo (the largest).

    Args:
        path: Folder or label file of a set, or several of them.
        split: How photos are divided into train, val and test.
        group_by: Regular expression whose match in a photo's name is its group in a split.
        seed: Of the split, the order of the photos and their augmentation.
        batch_size: Photos a step.
        workers: Processes that decode photos; 0 does it in the main one, which is quickest where
            the network itself needs all the cores.
        augment: Pipeline for the training photos.
        cache_features: Run a frozen backbone once a photo and train on what it gave.
        cache_dir: Folder of those features.

    Raises:
        ConfigError: ``cache_features`` together with ``augment``, or a number out of range.
    """

    def __init__(
        self,
        path: str | list[str],
        split: SplitChoice = "auto",
        group_by: str = "",
        seed: int = 0,
        batch_size: int = 32,
        workers: int = 0,
        augment: AugmentName = "none",
        cache_features: bool = False,
        cache_dir: str = "runs/feature_cache",
    ) -> None:
        super().__init__()
        require_between(1, MAX_COUNT, batch_size=batch_size)
        require_between(0, MAX_WORKERS, workers=workers)
        require_between(0, MAX_SEED, seed=seed)
        if "\0" in cache_dir:
            raise ConfigError(f"--data.cache_dir: no folder can be called {cache_dir!r}")
        if cache_features and augment != "none":
            raise ConfigError(
                f"cache_features needs photos that stay the same, but augment is {augment!r}; "
                "leave one of the two out"
            )
        self.paths = tuple(Path(one) for one in ([path] if isinstance(path, str) else path))
        self.split_choice: SplitChoice = split
        self.group_by = group_by
        self.seed = seed
        self.batch_size = batch_size
        self.workers = workers
        self.augment: AugmentName = augment
        self.cache_features = cache_features
        self.cache_dir = Path(cache_dir)
        self.sets: DividedSets | None = None
        self.features_found: bool | None = None
        """Whether the features were stored when this process began; ``None`` without a cache."""
        self._contents: dict[Path, bytes] = {}
        self._features_by_key: dict[str, Tensor] = {}

    def setup(self, stage: str) -> None:
        """Read and divide the sets.

        Raises:
            InputError: A set cannot be read, or a side that ``stage`` needs is empty.
        """
        if self.sets is None:
            self.sets = read_divided(self.paths, self.split_choice, self.seed, self.group_by)
            _announce(self.sets)
        if stage == "fit" and self.split_choice == "none":
            raise ConfigError("split 'none' has no photos apart for validation; choose another")
        sides = {"fit": ("train", "val"), "validate": ("val",), "test": ("test",)}.get(stage, ())
        for side in sides:
            if not self.sets.sides[side]:
                raise InputError(
                    f"{', '.join(map(str, self.paths))}: the split leaves no {side} photos"
                )

    def dataset(self, side: str) -> PlateDataset:
        """Photos of ``side``; those of ``train`` are augmented."""
        if self.sets is None:
            raise RuntimeError("setup() was not called")
        augmented = side == "train" and self.augment != "none"
        augmentation = Augmentation(self.augment) if augmented else None
        return PlateDataset(self.sets.sides[side], self._module.spec, augmentation, self.seed)

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled batches of the training side, in an order that depends on seed and epoch."""
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        """Batches of the validation side."""
        return self._loader("val", shuffle=False)

    def test_dataloader(self) -> DataLoader[Any]:
        """Batches of the test side."""
        return self._loader("test", shuffle=False)

    @property
    def _module(self) -> BoxModule:
        if self.trainer is None:
            raise RuntimeError("the data module is not attached to a Trainer")
        return cast("BoxModule", self.trainer.lightning_module)

    def _loader(self, side: str, shuffle: bool) -> DataLoader[Any]:
        photos = self.dataset(side)
        if self.cache_features:
            features: Any = self._cached(photos)
            return self._load(features, shuffle, keep_batch, workers=0)
        return self._load(photos, shuffle, collate, self.workers)

    def _load(
        self, dataset: Dataset[Any], shuffle: bool, collate_fn: Callable[[Any], Any], workers: int
    ) -> DataLoader[Any]:
        assert self.trainer is not None
        return DataLoader(
            dataset,
            self.batch_size,
            sampler=self._sampler(dataset) if shuffle else measuring_sampler(dataset, self.trainer),
            collate_fn=collate_fn,
            num_workers=workers,
            pin_memory=torch.cuda.is_available(),
        )

    def _sampler(self, dataset: Dataset[Any]) -> EpochSampler:
        assert self.trainer is not None
        return EpochSampler(
            dataset,
            num_replicas=self.trainer.world_size,
            rank=self.trainer.global_rank,
            shuffle=True,
            seed=self.seed,
        )

    def _cached(self, photos: PlateDataset) -> FeatureDataset:
        """Features of ``photos``, out of one file for all sides.

        Another split of the same photos, as leaking and grouped runs have it, finds that file.
        """
        stored = self._stored_photos()
        order = {content: row for row, content in enumerate(sorted(stored))}
        everything = PlateDataset([stored[content] for content in order], photos.spec)
        features = self._features(everything, tuple(order))
        rows = [order[self._contents[photo.path]] for photo in photos.photos]
        return FeatureDataset(features, torch.tensor(rows), photos.targets())

    def _stored_photos(self) -> dict[bytes, LabelledPhoto]:
        """The photos of all sides by their content."""
        assert self.sets is not None
        photos = [photo for side in self.sets.sides.values() for photo in side]
        new = [photo.path for photo in photos if photo.path not in self._contents]
        self._contents.update(zip(new, hash_photos(new), strict=True))
        return {self._contents[photo.path]: photo for photo in photos}

    def _features(self, photos: PlateDataset, contents: tuple[bytes, ...]) -> Tensor:
        assert self.trainer is not None
        backbone = self._module.frozen_backbone()
        key = cache_key(backbone, contents, photos.spec, str(self.trainer.precision))
        if key not in self._features_by_key:
            probe = self._extract(backbone, photos[0].image[None])
            file = self.cache_dir / f"{key}.features"
            rows = FeatureRows(file, len(photos), tuple(probe.shape[1:]), probe.dtype)
            if self.trainer.is_global_zero:
                self._fill(rows, photos, backbone)
            self.trainer.strategy.barrier("feature cache")
            self._features_by_key[key] = rows.open()
        return self._features_by_key[key]

    def _fill(self, rows: FeatureRows, photos: PlateDataset, backbone: nn.Module) -> None:
        computed = fill(
            rows,
            lambda start: self._images(photos, start),
            lambda images: self._extract(backbone, images),
        )
        if self.features_found is None:
            self.features_found = not computed

    def _images(self, photos: PlateDataset, start: int) -> Iterable[Tensor]:
        rest = Subset(photos, range(start, len(photos)))
        loader = DataLoader(rest, self.batch_size, collate_fn=collate, num_workers=self.workers)
        return (batch.images for batch in loader)

    def _extract(self, backbone: nn.Module, images: Tensor) -> Tensor:
        assert self.trainer is not None
        device = next(backbone.parameters()).device
        moved = images.to(device, memory_format=torch.channels_last)
        with torch.no_grad(), self.trainer.precision_plugin.forward_context():
            features: Tensor = backbone.eval()(moved)
        return features


@rank_zero_only
def _announce(sets: DividedSets) -> None:
    for division in sets.divisions:
        print(division.description)
    print(sets.describe())
