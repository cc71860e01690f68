"""Runs the experiment and reports what its runs reached, also on photos that none has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lightning_plates.bench.accuracy import read_scores, summarise
from lightning_plates.bench.report.charts import write_chart
from lightning_plates.bench.report.compare import write_comparison
from lightning_plates.bench.report.document import Block, Heading, Paragraph, Picture
from lightning_plates.bench.report.run_folder import read_run
from lightning_plates.bench.thesis.leakage import JudgedRun, leakage_chart, leakage_table
from lightning_plates.bench.thesis.plan import (
    PROTOCOLS,
    Layout,
    Settings,
    list_steps,
    settle,
)
from lightning_plates.bench.thesis.steps import run_step
from lightning_plates.data.annotations import read_annotations
from lightning_plates.data.split import read_split
from lightning_plates.errors import InputError
from lightning_plates.locking import hold_folder

UNSEEN = "unseen synthetic photos"
"""What reports call them."""


def run_experiment(
    settings: Settings, root: Path, chosen: Sequence[str], also: Sequence[Path] = ()
) -> tuple[Path, Path]:
    """Do everything that is not done yet, then write the report.

    Args:
        settings: What to run.
        root: Folder of the experiment; an interrupted one is continued there.
        chosen: Backbones to train and report; others can follow in a later call.
        also: Other annotated sets that the trained runs are measured on.

    Returns:
        The report as Markdown and as HTML.

    Raises:
        InputError: ``root`` holds an experiment with other settings, or a set cannot be read.
        OutputError: Another process runs it.
        StepError: A command failed.
        KeyboardInterrupt: Ctrl-C; calling again goes on from there.
    """
    layout = Layout(root)
    sets = {UNSEEN: layout.unseen, **_names(also)}
    with hold_folder(root):
        settle(settings, layout)
        for step in list_steps(settings, layout, chosen, also):
            run_step(step, layout.stamps)
        judged = [_judge(b, protocol, layout, sets) for b in chosen for protocol in PROTOCOLS]
        return _report(judged, settings, layout, tuple(sets))


def _names(also: Sequence[Path]) -> dict[str, Path]:
    named = {path.resolve().name: path for path in also}
    if len(named) < len(also):
        raise InputError("--also: two sets have the same name; rename the folder of one")
    for path in also:
        read_annotations(path)  # refused before an hour of work, not after
    return named


def _judge(backbone: str, protocol: str, layout: Layout, sets: Mapping[str, Path]) -> JudgedRun:
    scores = {
        name: read_scores(layout.others(backbone, protocol, path) / "per_photo.csv")
        for name, path in sets.items()
    }
    others = {name: found for name, rows in scores.items() if (found := summarise(rows))}
    return JudgedRun(read_run(layout.run(backbone, protocol)), others)


def _report(
    judged: Sequence[JudgedRun], settings: Settings, layout: Layout, sets: tuple[str, ...]
) -> tuple[Path, Path]:
    chart = layout.report / "charts" / "leakage.png"
    write_chart(leakage_chart(judged, UNSEEN), chart)
    before: list[Block] = [
        Paragraph(_what_was_done(settings, layout)),
        *(Paragraph(f"{read_split(layout.split(p)).describe()}.") for p in PROTOCOLS),
        Heading("How much of the published figure is leakage"),
        leakage_table(judged, sets),
        Picture(
            "charts/leakage.png", "The thesis' figures in grey, then ours by split and photos."
        ),
    ]
    title = "The thesis' first stage, reproduced"
    return write_comparison([one.run for one in judged], layout.report, title, before)


def _what_was_done(settings: Settings, layout: Layout) -> str:
    kept = len(read_annotations(layout.copies).photos)
    photos = f"photos of {settings.photos}" if settings.photos else "synthetic photos"
    drawn = "" if settings.photos else f"{settings.count} "
    return (
        f"{drawn}{photos}, augmented by the thesis' recipe (91 copies each), {kept:,} copies kept; "
        f"each backbone frozen, its head trained for {settings.epochs} epochs. The thesis used 130 "
        "photos of its own, which are not public: its figures stand beside ours, not against them."
    )
