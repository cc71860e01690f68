"""Checkpoint → ONNX hub file: ``python -m conversion.hub CKPT -o model.onnx``.

The hub file has a dynamic batch, the :class:`~lightning_plates.spec.ModelSpec` and hashes in its
metadata, and is written only if it answers like PyTorch on photos. The classic exporter at opset
13 is the default: its graph, with batch norms folded, is read by old and new runtimes alike.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import lightning_plates
from conversion._base import produce
from conversion.gate.parity import Outputs, Parity, Tolerance, measure_parity
from conversion.graph.hub_file import sha256_of
from conversion.int8.calibration import read_photos
from lightning_plates import processing
from lightning_plates.errors import ConversionError, InputError
from lightning_plates.optional import require
from lightning_plates.photos import RgbImage, find_photos, load_photo
from lightning_plates.spec import METADATA_KEY, ModelSpec
from lightning_plates.tasks import task_of
from lightning_plates.terminal.console import run_reporting
from runtimes import open_model
from runtimes._base import require_regular

if TYPE_CHECKING:
    from torch import Tensor, nn

CLASSIC_OPSETS = range(13, 18)
"""Opsets that the classic exporter writes; 13 is the first with per-channel Q/DQ."""
DYNAMO_OPSETS = range(18, 24)
"""Opsets that the newer exporter writes; it cannot go below 18."""
TOLERANCE = Tolerance(1e-4, 0.999, 1e-4)
"""How far PyTorch's and the hub file's answers may be apart."""
PARITY_PHOTOS = 16
"""Photos that are compared when the user's folder holds more."""


def export_hub(
    checkpoint: Path,
    target: Path,
    photos: Sequence[RgbImage],
    opset: int = 13,
    size: int | None = None,
    mirrored: bool = False,
) -> Parity:
    """Export a checkpoint to ONNX and put it in place if it answers like PyTorch.

    Args:
        checkpoint: A Lightning checkpoint of this project.
        target: The ``.onnx`` file to write.
        photos: RGB photos on which both are compared.
        opset: ONNX operator set; 13–17 by the classic exporter, 18–23 by the newer one.
        size: Another side of the input than the checkpoint's, in pixels.
        mirrored: Average with the answer to the mirrored photo.

    Returns:
        How far the two answers are apart.

    Raises:
        InputError: The checkpoint cannot be read or the opset is not offered.
        ConfigError: The network takes no other size, or no mirror image.
        ConversionError: The exporter failed or the graph is not valid ONNX.
        ParityError: The exported model answers differently; nothing was written.
    """
    from lightning_plates.models.checkpoint import load_checkpoint

    if opset not in CLASSIC_OPSETS and opset not in DYNAMO_OPSETS:
        raise InputError(
            f"opset {opset} is not offered (choose {CLASSIC_OPSETS[0]}–{DYNAMO_OPSETS[-1]})"
        )
    if target.suffix != ".onnx":
        raise InputError(f"{target}: the hub file's name must end in .onnx")
    require_regular(checkpoint)
    module = load_checkpoint(checkpoint)
    if size is not None:
        module.resize_input(size)
    if mirrored:
        module.average_mirrored()
    spec: ModelSpec = module.spec
    batch, _ = processing.prepare(photos, spec)
    expected = _torch_outputs(module, batch)

    def convert(draft: Path) -> None:
        _export(module, spec, batch, draft, opset)
        finish_hub(draft, spec, {"lightning_plates.checkpoint_sha256": sha256_of(checkpoint)})

    def compare(draft: Path) -> Parity:
        with open_model(draft) as model:
            _ = model.spec  # refuses a spec that contradicts the graph
            return measure_parity(expected, model.run({spec.input_name: batch}), spec)

    return produce(target, convert, compare, TOLERANCE)


def _torch_outputs(module: nn.Module, batch: processing.Tensor) -> Outputs:
    import torch

    with torch.inference_mode():
        answer = module(torch.from_numpy(batch))
    return {name: value.numpy() for name, value in answer._asdict().items()}


def _export(
    module: nn.Module, spec: ModelSpec, batch: processing.Tensor, draft: Path, opset: int
) -> None:
    import torch

    # A batch of two: the newer exporter takes a batch of one for a constant.
    example = torch.from_numpy(np.concatenate([batch, batch])[:2])
    classic = opset in CLASSIC_OPSETS
    if not classic:
        require("onnxscript", extra="train")
    with warnings.catch_warnings():
        # The classic exporter is deprecated upstream; it is the one that old runtimes can read.
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                module,
                (example,),
                str(draft),
                dynamo=not classic,
                opset_version=opset,
                input_names=[spec.input_name],
                output_names=list(task_of(spec).outputs(spec)),
                **_dynamic_batch(spec, example, classic),
            )
        except torch.onnx.OnnxExporterError as error:
            raise ConversionError(f"the ONNX exporter failed: {error}") from error
    fold_constants(draft)


def fold_constants(draft: Path) -> None:
    """Compute what is constant once and fold pads into their convolutions.

    The classic exporter writes ten nodes for one padding module; converters and quantisers
    expect the convolution to carry it. The basic level keeps to standard operators.
    """
    onnx, ort = require("onnx", extra="train"), require("onnxruntime")
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(draft)
    exported = draft.read_bytes()
    ort.InferenceSession(exported, options, providers=["CPUExecutionProvider"])
    model = onnx.load(str(draft))
    used = {node.domain for node in model.graph.node}
    domains = [entry for entry in model.opset_import if entry.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(domains)
    onnx.save(model, str(draft))


def _dynamic_batch(spec: ModelSpec, example: Tensor, classic: bool) -> dict[str, Any]:
    import torch

    if classic:
        names = (spec.input_name, *task_of(spec).outputs(spec))
        return {"dynamic_axes": {name: {0: "N"} for name in names}}
    return {
        "dynamic_shapes": ({0: torch.export.Dim("N")},),
        "external_data": False,
        "verbose": False,
    }


def finish_hub(draft: Path, spec: ModelSpec, origin: Mapping[str, str]) -> None:
    """Write the metadata and check the graph as a reader of the file would.

    Args:
        draft: The ``.onnx`` file; it is changed.
        spec: Its convention.
        origin: Further metadata that says what it was made from.

    Raises:
        ConversionError: The graph is not valid ONNX.
    """
    onnx = require("onnx", extra="train")
    model = onnx.load(str(draft))
    onnx.helper.set_model_props(
        model,
        {
            METADATA_KEY: spec.to_json(),
            "lightning_plates.version": lightning_plates.__version__,
            **origin,
        },
    )
    try:
        inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        onnx.checker.check_model(inferred, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConversionError(f"the exported graph is not valid ONNX: {error}") from error
    onnx.save(model, str(draft))


def load_parity_photos(folder: Path | None) -> list[RgbImage]:
    """Photos to compare on: the user's, evenly picked, or else synthetic ones.

    Raises:
        InputError: None can be read; in a folder those that cannot are skipped.
    """
    if folder is None:
        from lightning_plates.data.synthetic.scene import SceneOptions, compose

        seeds = range(PARITY_PHOTOS)
        return [compose(np.random.default_rng(seed), SceneOptions()).pixels for seed in seeds]
    if not folder.is_dir():
        return [load_photo(folder)]
    paths = find_photos(folder)
    step = max(1, len(paths) // PARITY_PHOTOS)
    photos = [photo for _, photo in read_photos(paths[::step][:PARITY_PHOTOS])]
    if not photos:
        raise InputError(f"{folder}: none of the {len(paths[::step])} photos tried can be read")
    return photos


def main(argv: list[str]) -> int:
    """Run the script; see ``--help``."""
    parser = argparse.ArgumentParser(prog="python -m conversion.hub", description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="checkpoint of a training run, *.ckpt")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument(
        "--photos",
        type=Path,
        help="photo or folder on which PyTorch and the file are compared (default: synthetic)",
    )
    parser.add_argument(
        "--opset",
        type=int,
        default=13,
        help="13–17: classic exporter; 18–23: newer one (%(default)s)",
    )
    parser.add_argument(
        "--size", type=int, metavar="PIXELS", help="another input size, for a dense network"
    )
    parser.add_argument(
        "--mirrored",
        action="store_true",
        help="average with the answer to the mirrored photo, for a dense network; twice the cost",
    )
    args = parser.parse_args(argv)
    require("torch", extra="train")  # before photos are drawn, which needs cv2 of the same extra
    photos = load_parity_photos(args.photos)
    parity = export_hub(args.checkpoint, args.output, photos, args.opset, args.size, args.mirrored)
    size_mb = args.output.stat().st_size / 1e6
    print(
        f"{args.output}: {size_mb:.1f} MB, opset {args.opset}; agrees with PyTorch on "
        f"{parity.photos} photos (largest difference {parity.max_abs_difference:.1e}, "
        f"mean {parity.likeness} {parity.mean_likeness:.4f})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(run_reporting(main, sys.argv[1:]))
