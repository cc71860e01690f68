"""What the experiment consists of: settings, folders, and the commands in their order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lightning_plates.bench.reference import thesis_backbones
from lightning_plates.bench.thesis.steps import Step
from lightning_plates.drafts import write_text
from lightning_plates.errors import InputError
from lightning_plates.files import read_bytes
from lightning_plates.reading.rules.config_file import find_config

PROTOCOLS = ("thesis", "grouped")
"""Its own split, which leaks, and the one that keeps all copies of a photo together."""
PLATE_WIDTH = ("0.1", "0.4")
"""Width of a drawn plate as a share of its photo's: people walked up to the cars."""
SKIPPED_STATUS = 3
"""Exit status of ``data augment`` when it left out photos that cannot be read."""
UNSEEN_SEED_STEP = 1_000_003
"""Added to the seed for photos that no run has seen."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What may be chosen; all of it must stay the same when an experiment is continued."""

    photos: str = ""
    """Folder or label file of the source photos; empty draws synthetic ones."""
    weights_dir: str = ""
    """Folder with ``vgg16.safetensors`` …; empty takes torchvision's ImageNet weights."""
    count: int = 130
    """Source photos to draw."""
    keep: int = 5069
    """Augmented copies that are kept; the thesis used 5,069 of its 11,830."""
    epochs: int = 17
    seed: int = 0
    unseen: int = 300
    """Synthetic photos that no run has seen."""
    precision: str = "32-true"
    """Arithmetic, as Lightning names it; ``bf16-mixed`` is quicker where the processor has it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies."""

    root: Path

    @property
    def photos(self) -> Path:
        """The drawn source photos."""
        return self.root / "photos"

    @property
    def copies(self) -> Path:
        """The augmented copies; its labels name those that were kept."""
        return self.root / "copies"

    @property
    def unseen(self) -> Path:
        """Photos that no run has seen."""
        return self.root / "unseen"

    @property
    def stamps(self) -> Path:
        """What says which steps are done."""
        return self.root / "steps"

    @property
    def report(self) -> Path:
        """The comparison."""
        return self.root / "report"

    def split(self, protocol: str) -> Path:
        """The split file of a protocol."""
        return self.root / f"split-{protocol}.csv"

    def run(self, backbone: str, protocol: str) -> Path:
        """The folder of one training run."""
        return self.root / "runs" / f"{backbone}-{protocol}"

    def others(self, backbone: str, protocol: str, photos: Path) -> Path:
        """The folder with the scores of that run on another set."""
        # Sets in different places may have the same name.
        place = hashlib.sha256(str(photos.resolve()).encode()).hexdigest()[:8]
        name = f"{photos.resolve().name}-{place}"
        return self.root / "other-photos" / name / f"{backbone}-{protocol}"


def backbones() -> list[str]:
    """The thesis' three, the quickest first: what is wrong shows early."""
    known = thesis_backbones()
    return sorted(known, key=lambda name: known[name].training_seconds)


def settle(settings: Settings, layout: Layout) -> None:
    """Remember ``settings`` in the experiment's folder, or check that they are the same as before.

    Raises:
        InputError: The folder holds an experiment with other settings, or something else.
    """
    file = layout.root / "settings.json"
    wanted = asdict(settings)
    if not file.exists():
        write_text(file, json.dumps(wanted, indent=2) + "\n")
        return
    try:
        found: dict[str, Any] = json.loads(read_bytes(file))
        changed = [name for name, value in wanted.items() if found.get(name) != value]
    except (ValueError, AttributeError) as error:
        raise InputError(f"{file}: not the settings of an experiment; choose another -o") from error
    if changed:
        name = changed[0]
        raise InputError(
            f"{layout.root}: this experiment was begun with {name} {found.get(name)!r}, now it is "
            f"{wanted[name]!r}; give the same options to continue it, or another -o"
        )


def list_steps(
    settings: Settings, layout: Layout, chosen: Sequence[str], also: Sequence[Path] = ()
) -> Iterator[Step]:
    """All commands of the experiment in their order.

    Args:
        settings: What must stay the same when the experiment is continued.
        layout: Where things go.
        chosen: Backbones to train, in this order.
        also: Other sets that every run is measured on, beside the unseen photos.
    """
    source = Path(settings.photos) if settings.photos else layout.photos
    if not settings.photos:
        yield _synthesise("photos", layout.photos, settings.count, settings.seed)
    yield _augment(source, settings, layout)
    yield _synthesise("unseen", layout.unseen, settings.unseen, settings.seed + UNSEEN_SEED_STEP)
    for protocol in PROTOCOLS:
        yield _split(protocol, settings, layout)
    for backbone in chosen:
        for protocol in PROTOCOLS:
            yield _fit(backbone, protocol, settings, layout)
            for photos in (layout.unseen, *also):
                yield _validate(backbone, protocol, photos, layout)


def _synthesise(name: str, target: Path, count: int, seed: int) -> Step:
    words = ("data", "synthesise", "-o", str(target), "--count", str(count), "--seed", str(seed))
    look = ("--plate-width", *PLATE_WIDTH, "--several", "0")
    return Step(name, (*words, *look), target / "boxes.csv")


def _augment(source: Path, settings: Settings, layout: Layout) -> Step:
    words = ("data", "augment", str(source), "-o", str(layout.copies))
    draw = ("--keep", str(settings.keep), "--seed", str(settings.seed))
    return Step("copies", (*words, *draw), layout.copies / "boxes.csv", (0, SKIPPED_STATUS))


def _split(protocol: str, settings: Settings, layout: Layout) -> Step:
    target = layout.split(protocol)
    words = ("data", "split", str(layout.copies), "-o", str(target), "--protocol", protocol)
    # Equal shares for both: the leak is then the only difference.
    draw = ("--fractions", "0.9", "0.1", "0", "--seed", str(settings.seed))
    return Step(f"split-{protocol}", (*words, *draw), target)


def _fit(backbone: str, protocol: str, settings: Settings, layout: Layout) -> Step:
    run = layout.run(backbone, protocol)
    weights = (
        ("--model.weights", str(Path(settings.weights_dir) / f"{backbone}.safetensors"))
        if settings.weights_dir
        else ()
    )
    words = (
        # Resuming an empty folder begins; so one command serves the first call and all others.
        "fit", "--config", str(find_config("thesis", backbone)), "--run", str(run), "--resume",
        *weights,
        "--data.path", str(layout.copies), "--data.split", str(layout.split(protocol)),
        "--data.seed", str(settings.seed), "--seed_everything", str(settings.seed),
        "--data.cache_features", "true", "--data.cache_dir", str(layout.root / "feature_cache"),
        "--trainer.max_epochs", str(settings.epochs), "--trainer.precision", settings.precision,
    )  # fmt: skip
    return Step(f"fit-{run.name}", words, run / "run.json")


def _validate(backbone: str, protocol: str, photos: Path, layout: Layout) -> Step:
    run, target = layout.run(backbone, protocol), layout.others(backbone, protocol, photos)
    words = (
        "validate", str(run / "best.ckpt"), "--run", str(target), "--data.path", str(photos),
        "--data.split", "none", "--data.cache_features", "false",
    )  # fmt: skip
    name = f"validate-{run.name}-{target.parent.name}"
    return Step(name, words, target / "per_photo.csv")
