"""The files of one training run, and how checkpoints get there unharmed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_fabric.plugins import TorchCheckpointIO

from lightning_plates.drafts import draft_of
from lightning_plates.errors import OutputError


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Names of what a run leaves behind."""

    root: Path

    @property
    def config(self) -> Path:
        """Settings of the run; ``fit --config`` repeats it."""
        return self.root / "config.yaml"

    @property
    def best(self) -> Path:
        """Checkpoint of the best epoch."""
        return self.root / "best.ckpt"

    @property
    def last(self) -> Path:
        """Checkpoint of the latest epoch; ``fit --resume`` goes on from it."""
        return self.root / "last.ckpt"

    @property
    def epochs(self) -> Path:
        """One row an epoch."""
        return self.root / "epochs.csv"

    @property
    def curves(self) -> Path:
        """Losses and shares over the epochs, as a picture."""
        return self.root / "curves.png"

    @property
    def photos(self) -> Path:
        """One row a validation photo, measured with the best checkpoint."""
        return self.root / "per_photo.csv"

    @property
    def record(self) -> Path:
        """What was run, where, for how long, and what it reached."""
        return self.root / "run.json"

    def claim(self, resume: bool) -> None:
        """Refuse to mix two runs in one folder; one that failed before its first epoch is none.

        Raises:
            OutputError: The folder holds a run and ``resume`` is not set.
        """
        if not resume and (self.last.exists() or self.record.exists()):
            raise OutputError(
                f"{self.root} already holds a run: continue it with --resume, "
                "choose another folder with --run DIR, or remove it"
            )


class SafeCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints beside their place first, and reads nothing but plain values."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None
    ) -> None:
        """Put a checkpoint in place; killed or out of disk, the earlier one stays whole."""
        with draft_of(Path(path)) as draft:
            try:
                super().save_checkpoint(checkpoint, draft, storage_options)
            except OSError as error:
                # A full disk is noticed amid the writing, where its file has no name any more.
                raise OSError(error.errno, error.strerror or str(error), str(path)) from error

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: object = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Read a checkpoint; it cannot run code."""
        return super().load_checkpoint(path, lambda storage, _: storage, weights_only=True)
