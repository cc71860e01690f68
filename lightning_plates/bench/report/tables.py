"""The tables of a comparison: our runs, and below each backbone's what the thesis printed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from lightning_plates.bench.reference import THESIS_SPLIT, ThesisBackbone, thesis_backbones
from lightning_plates.bench.report.document import Row, Table
from lightning_plates.bench.report.run_folder import RunResult

RATIO_BACKBONE = "mobilenet_v2"
"""Training times are shown as multiples of this one's: the smallest of the thesis' three."""
MSE = "mse"
"""The thesis' loss: mean squared error of coordinates in 0–1."""
LEAK = "⚠ leaks"
NOTHING = "–"
PUBLISHED = "thesis, published"


def share(value: float | None) -> str:
    """A share of 0–1 as per cent."""
    return NOTHING if value is None else f"{100 * value:.1f} %"


def number(value: float | None, form: str) -> str:
    """A number in a format such as ``"{:.3f}"``."""
    return NOTHING if value is None else form.format(value)


def protocol_cell(run: RunResult) -> str:
    """Name of the split protocol, marked where the split leaks."""
    return f"{run.protocol or 'unknown'} {LEAK}" if run.leaks else run.protocol or "unknown"


def by_backbone(runs: Sequence[RunResult]) -> dict[str, list[RunResult]]:
    """Runs of each backbone, in the order of their first run."""
    groups: dict[str, list[RunResult]] = defaultdict(list)
    for run in runs:
        groups[run.backbone].append(run)
    return dict(groups)


def accuracy_table(runs: Sequence[RunResult]) -> Table:
    """IoU shares and losses; every row says its split protocol."""
    with_accuracy = any("keras_accuracy" in run.metrics for run in runs)
    columns = [
        "run", "split protocol", "val photos", "IoU ≥ 0.5", "IoU ≥ 0.7", "mean IoU",
        "centre error px", "train loss", "val loss",
    ]  # fmt: skip
    rows = []
    for backbone, group in by_backbone(runs).items():
        rows += [Row(_accuracy_cells(run, with_accuracy)) for run in group]
        if published := thesis_backbones().get(backbone):
            rows.append(Row(_published_accuracy(published, with_accuracy), published=True))
    if with_accuracy:
        columns.append("keras_accuracy")
    return Table(tuple(columns), tuple(rows), 2, _accuracy_notes(runs))


def _accuracy_cells(run: RunResult, with_accuracy: bool) -> tuple[str, ...]:
    found = run.accuracy
    cells = (
        run.label,
        protocol_cell(run),
        str(found.photos) if found else NOTHING,
        share(found.iou50 if found else None),
        share(found.iou70 if found else None),
        number(found.mean_iou if found else None, "{:.3f}"),
        number(found.centre_error_px if found else None, "{:.1f}"),
        number(run.metrics.get("train_loss"), "{:.6f}"),
        number(run.metrics.get("val_loss"), "{:.6f}"),
    )
    return (*cells, share(run.metrics.get("keras_accuracy"))) if with_accuracy else cells


def _published_accuracy(published: ThesisBackbone, with_accuracy: bool) -> tuple[str, ...]:
    cells = (
        f"{published.backbone} ({PUBLISHED})",
        f"{THESIS_SPLIT} {LEAK}",
        NOTHING,
        share(published.iou50),
        NOTHING,
        NOTHING,
        NOTHING,
        number(published.train_loss, "{:.6f}"),
        number(published.val_loss, "{:.6f}"),
    )
    return (*cells, share(published.val_accuracy)) if with_accuracy else cells


def _accuracy_notes(runs: Sequence[RunResult]) -> tuple[str, ...]:
    notes = []
    if any(run.leaks or run.backbone in thesis_backbones() for run in runs):
        notes.append(
            f"{LEAK}: copies of one source photo lie on both sides of the split, so the validation "
            "photos were in effect seen in training. The thesis split its augmented copies that "
            "way."
        )
    notes.append(
        "Boxes are those of the best epoch's weights, chosen on these validation photos; losses "
        "are those of the last epoch, as the thesis printed them."
    )
    if any("keras_accuracy" in run.metrics for run in runs):
        notes.append(
            "keras_accuracy asks only which of the four coordinates is the largest, and says "
            "little about the box; it is shown because the thesis printed it."
        )
    notes += [f"{run.label}: {run.unfinished}." for run in runs if run.unfinished]
    for loss in dict.fromkeys(run.loss for run in runs if run.loss != MSE):
        labels = ", ".join(run.label for run in runs if run.loss == loss)
        notes.append(f"{labels}: the loss is {loss}, not mean squared error as in the thesis.")
    groups = _by_validation_set(runs)
    if len(groups) > 1:
        shown = "; ".join(", ".join(run.label for run in group) for group in groups)
        notes.append(
            "These runs were validated on different photos, so their rows are not strictly "
            f"comparable. Validated on the same photos: {shown}."
        )
    return tuple(notes)


def cost_table(runs: Sequence[RunResult]) -> Table:
    """Parameters and training time; every row says its split protocol and machine."""
    columns = (
        "run", "split protocol", "epochs", "trainable", "frozen", "training time", "CPU time",
        f"× {RATIO_BACKBONE}", "machine",
    )  # fmt: skip
    rows = []
    for backbone, group in by_backbone(runs).items():
        rows += [Row(_cost_cells(run, runs)) for run in group]
        if published := thesis_backbones().get(backbone):
            rows.append(Row(_published_cost(published), published=True))
    return Table(columns, tuple(rows), 2, _cost_notes(runs))


def _cost_cells(run: RunResult, runs: Sequence[RunResult]) -> tuple[str, ...]:
    return (
        run.label,
        protocol_cell(run),
        number(run.epochs, "{}"),
        number(run.trainable_parameters, "{:,}"),
        number(run.frozen_parameters, "{:,}"),
        number(run.training_seconds, "{:,.0f} s"),
        number(run.cpu_seconds, "{:,.0f} s"),
        number(time_ratio(run, runs), "{:.2f}"),
        run.machine or NOTHING,
    )


def _published_cost(published: ThesisBackbone) -> tuple[str, ...]:
    base = thesis_backbones()[RATIO_BACKBONE].training_seconds
    return (
        f"{published.backbone} ({PUBLISHED})",
        f"{THESIS_SPLIT} {LEAK}",
        "17",
        f"{published.trainable_parameters_m:.2f} M",
        f"{published.frozen_parameters_m:.2f} M",
        f"{published.training_seconds:,.0f} s",
        NOTHING,
        f"{published.training_seconds / base:.2f}",
        "the thesis' own",
    )


def _cost_notes(runs: Sequence[RunResult]) -> tuple[str, ...]:
    notes = [
        "Seconds of different machines cannot be compared; the ratio to the "
        f"{RATIO_BACKBONE} run of the same split and machine can. Ours compares CPU time (the "
        "cores added up), which hardly depends on what else the machine did; on a GPU, wall time."
    ]
    if any(run.feature_cache for run in runs):
        cached = ", ".join(run.label for run in runs if run.feature_cache)
        notes.append(
            "With the feature cache the frozen backbone runs once per photo instead of once per "
            f"photo and epoch: {cached}."
        )
    if found := ", ".join(run.label for run in runs if run.features_found):
        notes.append(
            "These found the features already stored, by a run on another split of the same "
            f"photos or by their own first part, and spent their time on the head alone: {found}."
        )
    return tuple(notes)


def time_ratio(run: RunResult, runs: Sequence[RunResult]) -> float | None:
    """Training time of ``run`` as a multiple of what the smallest backbone took beside it.

    Processor time is compared where both have it, because a busy machine changes it little.

    Returns:
        ``None`` where no such run of the same split protocol, epochs, machine and use of the
        feature cache, filled before or not, is among ``runs``.
    """
    base = next((other for other in runs if _is_base_of(other, run)), None)
    if base is None:
        return None
    if run.cpu_seconds and base.cpu_seconds:
        return run.cpu_seconds / base.cpu_seconds
    if run.training_seconds and base.training_seconds:
        return run.training_seconds / base.training_seconds
    return None


def _is_base_of(other: RunResult, run: RunResult) -> bool:
    conditions = (
        (one.protocol, one.epochs, one.machine, one.feature_cache, one.features_found)
        for one in (other, run)
    )
    return other.backbone == RATIO_BACKBONE and len(set(conditions)) == 1


def _by_validation_set(runs: Sequence[RunResult]) -> list[list[RunResult]]:
    groups: dict[frozenset[str], list[RunResult]] = defaultdict(list)
    for run in runs:
        if run.scores:
            groups[frozenset(score.file for score in run.scores)].append(run)
    return list(groups.values())
