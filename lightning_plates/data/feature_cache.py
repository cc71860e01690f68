"""Features of a frozen backbone, computed once a photo and kept on disk.

With a frozen backbone and photos that do not change, only the head learns: what the backbone says
about a photo is the same in every epoch. The file is found by everything that decides its content
— weights, photos, pre-processing, precision — so a stale one is never used.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from lightning_plates.data.batches import FeatureBatch, Targets
from lightning_plates.errors import OutputError
from lightning_plates.models.weights import hash_tensors
from lightning_plates.spec import ModelSpec


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """Where the features of a list of photos lie, one row a photo."""

    file: Path
    """Complete once it exists; while it is filled, its draft lies beside it."""
    count: int
    """Photos."""
    shape: tuple[int, ...]
    """Of one photo's features."""
    dtype: torch.dtype

    @property
    def draft(self) -> Path:
        """Rows written so far; an interrupted fit goes on from here."""
        return self.file.with_suffix(".draft")

    @property
    def row_bytes(self) -> int:
        """Size of one row."""
        return math.prod(self.shape) * self.dtype.itemsize

    def open(self) -> Tensor:
        """Map the complete file into memory, shape ``(count, *shape)``."""
        values = self.count * math.prod(self.shape)
        mapped = torch.from_file(str(self.file), shared=False, size=values, dtype=self.dtype)
        return mapped.view(self.count, *self.shape)


def cache_key(
    backbone: nn.Module, contents: Sequence[bytes], spec: ModelSpec, precision: str
) -> str:
    """Name of the features that ``backbone`` gives for photos, in this order.

    Args:
        backbone: Its weights and its text form (which shows paddings) go into the name.
        contents: What :func:`hash_photos` gives for the photos; their paths do not matter.
        spec: Pre-processing.
        precision: Arithmetic, as Lightning names it.
    """
    digest = hashlib.sha256()
    for part in (hash_tensors(backbone), repr(backbone), spec.to_json(), precision):
        digest.update(part.encode())
    for content in contents:
        digest.update(content)
    return digest.hexdigest()[:32]


def hash_photos(photos: Sequence[Path]) -> list[bytes]:
    """Digests of the files' contents."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(_hash_file, photos))


def _hash_file(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def fill(
    rows: FeatureRows,
    batches_from: Callable[[int], Iterable[Tensor]],
    extract: Callable[[Tensor], Tensor],
) -> None:
    """Compute the rows that are missing and put the file in place.

    Args:
        rows: What to fill; nothing is done if it is complete.
        batches_from: Given a row's number, the batches of images ``(N, 3, H, W)`` from it on.
        extract: Images → features ``(N, *rows.shape)``.

    Raises:
        OutputError: The disk is full; rows that were written stay for the next run.
    """
    if rows.file.exists():
        return
    rows.file.parent.mkdir(parents=True, exist_ok=True)
    done = _complete_rows(rows)
    try:
        # Plain writes: a full disk is an error here, but kills a process that writes into a map.
        with rows.draft.open("ab") as stream:
            stream.truncate(done * rows.row_bytes)
            for images in batches_from(done):
                stream.write(_to_bytes(extract(images), rows.dtype))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise OutputError(
            f"{rows.draft}: {error.strerror}; the features need "
            f"{rows.count * rows.row_bytes / 1e6:.0f} MB. Free some space, choose another "
            "--data.cache_dir, or train without: --data.cache_features false"
        ) from error
    rows.draft.replace(rows.file)


def _complete_rows(rows: FeatureRows) -> int:
    if not rows.draft.exists():
        return 0
    return min(rows.draft.stat().st_size // rows.row_bytes, rows.count)


def _to_bytes(features: Tensor, dtype: torch.dtype) -> bytes:
    values = features.detach().to(dtype).cpu().contiguous()
    return values.view(torch.uint8).numpy().tobytes()


class FeatureDataset(Dataset[FeatureBatch]):
    """Stored features with their boxes; fetched a batch at a time.

    Args:
        features: Shape ``(M, C, h, w)``; of these and perhaps of other photos.
        rows: Where the features of each photo lie, ``(N,)``.
        targets: Of the same photos, in the same order.
    """

    def __init__(self, features: Tensor, rows: Tensor, targets: Targets) -> None:
        self.features, self.rows = features, rows
        self.targets = targets

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> FeatureBatch:
        return self.__getitems__([number])

    def __getitems__(self, numbers: list[int]) -> FeatureBatch:
        """A batch of the photos ``numbers``; data loaders call this instead of one by one."""
        chosen = torch.tensor(numbers)
        targets = Targets(*(values[chosen] for values in self.targets))
        return FeatureBatch(self.features[self.rows[chosen]], targets)


def keep_batch(batch: FeatureBatch) -> FeatureBatch:
    """Collate function of a :class:`FeatureDataset`, whose batches are already stacked."""
    return batch
