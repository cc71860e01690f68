"""Make a dense finder's scores probabilities, fitted on photos that it was not trained on.

Examples:
    lightning-plates calibrate-finder runs/first/best.ckpt runs/mine -o runs/first/calibrated.ckpt

Page: docs/finder.md
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lightning_plates import processing
from lightning_plates.cli._arguments import add_file_limit, fraction
from lightning_plates.cli._parser import CommandParser
from lightning_plates.cli._photo_sets import add_side_option, choose_photos
from lightning_plates.cli._progress import show_progress
from lightning_plates.data.annotations.record import AnnotationSet
from lightning_plates.drafts import draft_of
from lightning_plates.errors import InputError
from lightning_plates.photos import load_or_skip
from lightning_plates.terminal.console import UNREADABLE_EXIT_CODE

if TYPE_CHECKING:
    from lightning_plates.boxes import FloatArray
    from lightning_plates.models.lit_plate_detector import LitPlateDetector

LOWEST_SCORE = 0.02
"""Candidates below this are never shown to anyone; they would only outnumber the others."""


def main(argv: list[str]) -> int:
    """Run ``calibrate-finder``; see ``--help``."""
    from lightning_plates.models.checkpoint import load_checkpoint
    from lightning_plates.models.lit_plate_detector import LitPlateDetector
    from lightning_plates.models.score_calibration import fit_scaling, scale_scores

    args = _parser().parse_args(argv)
    module = load_checkpoint(args.checkpoint)
    if not isinstance(module, LitPlateDetector):
        raise InputError(f"{args.checkpoint}: {type(module).__name__} gives no scores to calibrate")
    sets = [choose_photos(path, args.only, args.side) for path in args.sets]
    scores, right, unread = collect_candidates(module, sets)
    scaling = fit_scaling(scores, right)
    scale_scores(module.network, scaling)
    _save(args.checkpoint, args.output, module, args.threshold)
    print(
        f"{args.output}: fitted on {scaling.candidates} candidates, {int(right.sum())} of them "
        f"plates: probability = sigmoid({scaling.scale:.3f} · logit {scaling.shift:+.3f})"
    )
    for low, high in ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.01)):
        inside = (scaling.apply(scores) >= low) & (scaling.apply(scores) < high)
        share = f"{right[inside].mean():.2f}" if inside.any() else "–"
        print(f"  said {low:.2f}–{min(high, 1):.2f}: {int(inside.sum())} boxes, {share} right")
    return UNREADABLE_EXIT_CODE if unread else 0


def collect_candidates(
    module: LitPlateDetector, sets: Sequence[AnnotationSet]
) -> tuple[FloatArray, NDArray[np.bool_], int]:
    """Scores of all candidates on whole photos, whether each is a plate, and unread photos."""
    import torch

    from lightning_plates.models.score_calibration import match_candidates

    spec = module.spec.with_options(score_threshold=LOWEST_SCORE)
    scores: list[float] = []
    right: list[bool] = []
    unread = 0
    photos = [(one.path_of(photo), photo) for one in sets for photo in one.photos]
    for path, photo in show_progress(photos, len(photos), "photos"):
        image = load_or_skip(path)
        if image is None:
            unread += 1
            continue
        batch, placements = processing.prepare([image], spec)
        with torch.inference_mode():
            answer = module(torch.from_numpy(batch))
        outputs = {name: value.numpy() for name, value in answer._asdict().items()}
        found = processing.decode(outputs, spec, placements)[0]
        boxes = np.array([plate.box for plate in found]).reshape(-1, 4)
        labels = np.array([box.xyxy for box in photo.boxes]).reshape(-1, 4)
        right += match_candidates(boxes, labels).tolist()
        scores += [plate.confidence or 0.0 for plate in found]
    return np.array(scores), np.array(right, dtype=np.bool_), unread


def _save(source: Path, target: Path, module: LitPlateDetector, threshold: float) -> None:
    """Write the checkpoint again with the scaled weights and nothing that only training needs."""
    import torch

    checkpoint = torch.load(source, map_location="cpu", weights_only=True)
    module.spec = module.spec.with_options(score_threshold=threshold)
    kept = ("epoch", "global_step", "pytorch-lightning_version", "weights_source")
    slim = {name: checkpoint[name] for name in kept if name in checkpoint}
    slim["state_dict"] = module.state_dict()
    module.on_save_checkpoint(slim)
    with draft_of(target) as draft:
        torch.save(slim, draft)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("calibrate-finder", __doc__)
    parser.add_argument("checkpoint", type=Path, help="checkpoint of a training run, *.ckpt")
    parser.add_argument("sets", type=Path, nargs="+", metavar="SET", help="label file or folder")
    parser.add_argument("--only", metavar="REGEX", help="only photos whose name begins with it")
    add_side_option(parser)
    parser.add_argument("-o", "--output", type=Path, required=True, help="checkpoint to write")
    parser.add_argument(
        "--threshold",
        type=fraction,
        default=0.5,
        help="probability below which a box is no answer (default: %(default)s)",
    )
    add_file_limit(parser)
    return parser
