"""Save the feature extractor of a checkpoint as starting weights for other trainings.

The file (float16 safetensors) says which input it expects; use it with: fit --model.weights FILE

Examples:
    lightning-plates export-backbone runs/first/best.ckpt -o runs/backbone.safetensors

Page: docs/finder.md
"""

from __future__ import annotations

from pathlib import Path

from lightning_plates.cli._parser import CommandParser


def main(argv: list[str]) -> int:
    """Run ``export-backbone``; see ``--help``."""
    parser = CommandParser("export-backbone", __doc__)
    parser.add_argument("checkpoint", type=Path, help="checkpoint of a box regressor, *.ckpt")
    parser.add_argument("-o", "--output", type=Path, required=True, help=".safetensors to write")
    args = parser.parse_args(argv)
    export_backbone(args.checkpoint, args.output)
    print(f"{args.output}: {args.output.stat().st_size / 1e6:.1f} MB")
    return 0


def export_backbone(checkpoint: Path, target: Path) -> None:
    """Write the backbone of a box regressor's checkpoint to ``target``.

    Raises:
        InputError: The file is missing, or ``target`` does not end in ``.safetensors``.
        ModelError: It is no checkpoint of a box regressor.
    """
    from lightning_plates.errors import InputError, ModelError
    from lightning_plates.models.checkpoint import load_checkpoint
    from lightning_plates.models.lit_box_regressor import LitBoxRegressor
    from lightning_plates.models.weights import save_backbone

    if target.suffix != ".safetensors":
        raise InputError(f"{target}: the name must end in .safetensors")
    module = load_checkpoint(checkpoint)
    if not isinstance(module, LitBoxRegressor):
        raise ModelError(f"{checkpoint}: not a box regressor but {type(module).__name__}")
    save_backbone(module.network.backbone, module.origin, target)
