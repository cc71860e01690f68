"""Calibrate the confidence of last digits on labelled crops and draw the risk–coverage curve.

Examples:
    lightning-plates calibrate-reading --ocr rapidocr --crops crops/ --output calibration.yaml

Page: docs/reading.md
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from lightning_plates.bench.reading_trials import Trial, choose_trials, crop_trials
from lightning_plates.cli._arguments import add_file_limit, fraction, positive_int, worker_count
from lightning_plates.cli._parser import CommandParser
from lightning_plates.cli._progress import show_progress
from lightning_plates.drafts import draft_of, write_text
from lightning_plates.optional import require
from lightning_plates.photos import RgbImage, load_or_skip
from lightning_plates.reading.calibration import Calibration
from lightning_plates.reading.characters import DIGITS
from lightning_plates.reading.crop_reader import CropReader
from lightning_plates.reading.ocr import OcrEngine, open_engine
from lightning_plates.reading.plate_text import read_last_digit
from lightning_plates.reading.risk import RiskCurve, fit_platt, risk_curve
from lightning_plates.terminal.console import UNREADABLE_EXIT_CODE

HEIGHTS = (None, 40, 24, 16, 12)
"""Heights in pixels to which every crop is also reduced: plates in photos are small, and sharp
crops alone hold too few errors to calibrate on."""


@dataclass(frozen=True, slots=True)
class DigitTrial:
    """One crop at one size."""

    height: int | None
    """Pixels; ``None`` for the crop as it is."""
    belief: float
    """What the engine believed of its answer; 0 without one."""
    right: bool


def main(argv: list[str]) -> int:
    """Run ``calibrate-reading``; see ``--help``."""
    args = _parser().parse_args(argv)
    labels = [trial for folder in args.crops for trial in crop_trials(folder)]
    usable = [trial for trial in labels if _ends_in_sure_digit(trial.plates[0].text)]
    chosen = choose_trials(usable, args.limit, args.seed)
    entries: dict[str, dict[str, float]] = {}
    curves: dict[str, RiskCurve] = {}
    unread = 0
    for name in args.ocr:
        engine = open_engine(name, args.threads)
        trials = list(try_crops(engine, chosen))
        unread = len(chosen) - sum(trial.height is None for trial in trials)
        slope, intercept = fit_platt([t.belief for t in trials], [t.right for t in trials])
        calibration = Calibration(slope, intercept, 0.0)
        confidences = [calibration.apply(t.belief) if t.belief > 0 else 0.0 for t in trials]
        curve = risk_curve(confidences, [t.right for t in trials])
        threshold = curve.threshold_for(args.max_risk)
        print(_summary(name, trials, curve, threshold))
        entries[name] = _entry(calibration, threshold, trials)
        curves[name] = curve
    if args.output is not None:
        write_text(args.output, _to_yaml(entries, args, argv))
    if args.picture is not None:
        _draw(curves, entries, args.picture)
    return UNREADABLE_EXIT_CODE if unread else 0


def try_crops(engine: OcrEngine, crops: Sequence[Trial]) -> Iterator[DigitTrial]:
    """Read every crop at every height."""
    for label in show_progress(crops, len(crops), engine.label):
        crop = load_or_skip(label.file)
        if crop is None:
            continue
        for height in HEIGHTS:
            if height is None or height < crop.shape[0]:
                yield _try(engine, _reduce(crop, height), label.plates[0].text, height)


def _try(engine: OcrEngine, crop: RgbImage, text: str, height: int | None) -> DigitTrial:
    found = read_last_digit(CropReader(engine).read(crop))
    if found is None:
        return DigitTrial(height, 0.0, right=False)
    return DigitTrial(height, found.probability, right=str(found.digit) == text[-1])


def _ends_in_sure_digit(text: str) -> bool:
    """Whether a plate can ask for its last digit.

    Labels of some sets write the letter O as 0, so it counts only with two other digits.
    """
    return text[-1:] in set(DIGITS) and sum(c in DIGITS[1:] for c in text) >= 2


def _reduce(crop: RgbImage, height: int | None) -> RgbImage:
    if height is None:
        return crop
    width = max(1, round(crop.shape[1] * height / crop.shape[0]))
    picture = Image.fromarray(crop).resize((width, height), Image.Resampling.BOX)
    return np.asarray(picture, dtype=np.uint8)


def _entry(
    calibration: Calibration, threshold: float, trials: list[DigitTrial]
) -> dict[str, float]:
    return {
        "slope": round(calibration.slope, 4),
        "intercept": round(calibration.intercept, 4),
        "min_confidence": round(threshold, 4),
        "samples": len(trials),
        "right": sum(t.right for t in trials),
    }


def _summary(name: str, trials: list[DigitTrial], curve: RiskCurve, threshold: float) -> str:
    lines = [f"{name}: {len(trials)} crops, {sum(t.right for t in trials)} last digits right"]
    for height in HEIGHTS:
        right = [t.right for t in trials if t.height == height]
        size = "as they are" if height is None else f"{height} px high"
        if right:
            lines.append(f"  {size}: {np.mean(right):.3f} right of {len(right)}")
    index = int(np.searchsorted(-curve.thresholds, -threshold))
    index = min(index, len(curve.coverage) - 1)
    lines.append(
        f"  from {threshold:.3f} on: {curve.coverage[index]:.3f} are answered, "
        f"{curve.risk[index]:.4f} of them wrong"
    )
    return "\n".join(lines)


def _to_yaml(
    entries: dict[str, dict[str, float]], args: argparse.Namespace, argv: list[str]
) -> str:
    heights = ", ".join("as they are" if h is None else str(h) for h in HEIGHTS)
    names = [folder.name for folder in args.crops]
    # Folders by name only: where they lie on somebody's machine is no part of the recipe.
    folders = {str(folder): f"…/{folder.name}" for folder in args.crops}
    words = [folders.get(str(Path(word)), word) for word in argv]
    return yaml.safe_dump(
        {
            "made_by": f"python -m lightning_plates calibrate-reading {shlex.join(words)}",
            "data": f"crops {' + '.join(names)} that end in a digit; heights: {heights}; "
            f"min_confidence keeps at most {args.max_risk:.0%} of the answers wrong",
            "engines": entries,
        },
        allow_unicode=True,
        sort_keys=False,
        width=96,
    )


def _draw(curves: dict[str, RiskCurve], entries: dict[str, dict[str, float]], target: Path) -> None:
    matplotlib = require("matplotlib", extra="data")
    matplotlib.use("Agg")
    figure_module = require("matplotlib.figure", extra="data")
    figure = figure_module.Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for name, curve in curves.items():
        (line,) = axes.plot(curve.coverage, curve.risk, label=name)
        threshold = entries[name]["min_confidence"]
        index = int((curve.thresholds >= threshold - 1e-4).sum()) - 1
        if index >= 0:
            axes.plot(curve.coverage[index], curve.risk[index], "o", color=line.get_color())
            axes.annotate(f"≥ {threshold:.2f}", (curve.coverage[index], curve.risk[index]),
                          textcoords="offset points", xytext=(-42, 5))  # fmt: skip
    axes.set_xlabel("coverage: share of plates whose last digit is answered")
    axes.set_ylabel("risk: share of wrong answers")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    with draft_of(target) as draft:
        figure.savefig(draft, dpi=130)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("calibrate-reading", __doc__)
    parser.add_argument("--ocr", action="append", required=True, metavar="NAME",
                        help="engine; give it several times")  # fmt: skip
    parser.add_argument("--crops", type=Path, action="append", required=True, metavar="DIR",
                        help="folder of crops with text.csv")  # fmt: skip
    parser.add_argument("--max-risk", type=fraction, default=0.01, metavar="R",
                        help="share of wrong answers that is accepted (%(default)s)")  # fmt: skip
    parser.add_argument("--limit", type=positive_int, metavar="N", help="draw at most N crops")
    parser.add_argument("--seed", type=int, default=0, help="of that draw (%(default)s)")
    parser.add_argument("--threads", type=worker_count, help="threads for one crop")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the calibration here")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the curve here")
    add_file_limit(parser)
    return parser
