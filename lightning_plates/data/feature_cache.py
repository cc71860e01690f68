"""Features of a frozen backbone, computed once a photo and kept on disk.

With a frozen backbone and photos that do not change, only the head learns: what the backbone says
about a photo is the same in every epoch. The file is found by everything that decides its content
— weights, photos, pre-processing, precision — so a stale one is never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from lightning_plates.data.batches import FeatureBatch, Targets
from lightning_plates.errors import OutputError
from lightning_plates.locking import open_locked
from lightning_plates.models.weights import hash_tensors
from lightning_plates.spec import ModelSpec

DRAFT_SUFFIX = ".draft"
SEAL_LINE = 65
"""Bytes of each of the two lines behind the rows."""


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """Where the features of a list of photos lie, one row a photo.

    Behind the rows stand the file's key (the stem of its name) and the SHA-256 of the rows, so that
    a file that was cut off, damaged or renamed is not taken for a whole one.
    """

    file: Path
    """Complete once it exists; drafts lie beside it while it is filled, one a writer."""
    count: int
    """Photos."""
    shape: tuple[int, ...]
    """Of one photo's features."""
    dtype: torch.dtype

    @property
    def row_bytes(self) -> int:
        """Size of one row."""
        return math.prod(self.shape) * self.dtype.itemsize

    def is_sound(self) -> bool:
        """Whether the file is there and holds what one writer wrote for its key."""
        if not self.file.is_file():
            return False
        size = self.count * self.row_bytes
        with self.file.open("rb") as stream:
            return self.seal(_hash_bytes(stream, size)) == stream.read(2 * SEAL_LINE + 1)

    def seal(self, digest: hashlib._Hash) -> bytes:
        """What stands behind rows of that ``digest``."""
        lines = (self.file.stem, digest.hexdigest())
        return "".join(f"{line:>{SEAL_LINE - 1}}\n" for line in lines).encode()

    def open(self) -> Tensor:
        """Map the rows of the complete file into memory, shape ``(count, *shape)``."""
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
) -> bool:
    """Compute the rows that are missing and put the file in place.

    Args:
        rows: What to fill; nothing is done if it is complete and sound.
        batches_from: Given a row's number, the batches of images ``(N, 3, H, W)`` from it on.
        extract: Images → features ``(N, *rows.shape)``.

    Returns:
        Whether anything was computed.

    Raises:
        OutputError: The disk is full; rows that were written stay for the next run.
    """
    if rows.is_sound():
        return False
    if rows.file.exists():
        print(f"{rows.file}: damaged or of an earlier version; its features are computed again")
    try:
        rows.file.parent.mkdir(parents=True, exist_ok=True)
        # Plain writes: a full disk is an error here, but kills a process that writes into a map.
        with _open_draft(rows) as stream:
            _write_rows(stream, rows, batches_from, extract)
            Path(stream.name).replace(rows.file)
    except OSError as error:
        raise OutputError(
            f"{rows.file}: {error.strerror}; the features need "
            f"{rows.count * rows.row_bytes / 1e6:.0f} MB. Free some space, choose another "
            "--data.cache_dir, or train without: --data.cache_features false"
        ) from error
    return True


def _write_rows(
    stream: BinaryIO,
    rows: FeatureRows,
    batches_from: Callable[[int], Iterable[Tensor]],
    extract: Callable[[Tensor], Tensor],
) -> None:
    """Write the rows that the draft lacks, and the seal."""
    done = min(stream.seek(0, os.SEEK_END) // rows.row_bytes, rows.count)
    stream.seek(0)
    digest = _hash_bytes(stream, done * rows.row_bytes)
    stream.truncate()
    for images in batches_from(done):
        values = _to_bytes(extract(images), rows.dtype)
        digest.update(values)
        stream.write(values)
    stream.write(rows.seal(digest))
    stream.flush()
    os.fsync(stream.fileno())


def _open_draft(rows: FeatureRows) -> BinaryIO:
    """A draft of this process alone: what an interrupted fit left, or else a new one."""
    folder, prefix = rows.file.parent, f"{rows.file.stem}-"
    for left in sorted(folder.glob(f"{prefix}*{DRAFT_SUFFIX}")):
        with contextlib.suppress(OSError):  # somebody writes it, or has just put it in place
            return open_locked(left)
    while True:
        handle, name = tempfile.mkstemp(DRAFT_SUFFIX, prefix, folder)
        os.close(handle)
        try:
            return open_locked(Path(name))
        except (BlockingIOError, FileNotFoundError):
            continue  # another fit was quicker and took it for one that was left
        except OSError:
            return Path(name).open("r+b")  # without locks nobody takes what another left


def _hash_bytes(stream: BinaryIO, count: int) -> hashlib._Hash:
    """SHA-256 of the next ``count`` bytes."""
    digest = hashlib.sha256()
    while count > 0 and (part := stream.read(min(count, 1 << 20))):
        digest.update(part)
        count -= len(part)
    return digest


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
