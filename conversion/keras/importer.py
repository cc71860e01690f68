"""Keras model → ONNX hub file: ``python -m conversion.keras MODEL.h5 -o model.onnx``.

Reads ``.keras``, ``.h5`` of Keras 2 and 3, SavedModel folders and frozen ``.pb`` graphs through
tf2onnx, in an environment of their own, which is made on first use. A Keras file does not say how
photos were prepared for it: the options do, and the spec in the hub file carries it on. The file is
written only if it answers like Keras on photos.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conversion._base import produce
from conversion.gate.parity import Outputs, Parity, measure_parity
from conversion.graph.hub_file import sha256_of
from conversion.hub import (
    CLASSIC_OPSETS,
    TOLERANCE,
    finish_hub,
    fold_constants,
    load_parity_photos,
)
from conversion.keras import export
from conversion.tools.environment import ToolEnvironment
from lightning_plates import processing
from lightning_plates.errors import ConversionError, InputError
from lightning_plates.files import read_bytes
from lightning_plates.optional import require
from lightning_plates.photos import RgbImage
from lightning_plates.schema import convert, parse_json
from lightning_plates.spec import SCALINGS, ModelSpec, Triple
from runtimes import open_model
from runtimes._base import require_regular

TOOLS = ToolEnvironment("keras", pythons=("3.11", "3.12", "3.13", "3.10"))
"""TensorFlow, both generations of Keras, and tf2onnx."""
_MAX_FACTS_BYTES = 1_000_000

KERAS_SCALINGS: Mapping[str, tuple[Triple, Triple, str]] = {
    **{name: (mean, std, "RGB") for name, (mean, std) in SCALINGS.items()},
    # keras.applications' mode "caffe", which VGG16's preprocess_input uses: BGR in 0–255 less
    # ImageNet's mean of each channel.
    "caffe": (
        (103.939 / 255, 116.779 / 255, 123.68 / 255),
        (1 / 255, 1 / 255, 1 / 255),
        "BGR",
    ),
    # For networks that scale by themselves, as Keras' EfficientNet does.
    "raw": ((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255), "RGB"),
}
"""Mean, standard deviation and colour order by name; pixels are divided by 255 first."""

BOX_ORDERS: Mapping[str, NDArray[np.float32]] = {
    # Row i says what the network's number i adds to x1, y1, x2, y2.
    "xyxy": np.eye(4, dtype=np.float32),
    "yxyx": np.eye(4, dtype=np.float32)[[1, 0, 3, 2]],
    "xywh": np.array([[1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1]], np.float32),
    "cxcywh": np.array(
        [[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]], np.float32
    ),
}
"""From the four numbers of a network to a box in corners, by the order that it answers in."""


@dataclass(frozen=True, slots=True)
class Convention:
    """What a Keras file does not say about itself."""

    scaling: str = "unit"
    """One of :data:`KERAS_SCALINGS`; the default is pixels divided by 255."""
    mean: Triple | None = None
    """Replaces that of ``scaling``; for pixels in 0–1, in the colour order of the network."""
    std: Triple | None = None
    """Likewise."""
    colour_order: str | None = None
    """Likewise: ``RGB`` or ``BGR``."""
    box_order: str = "xyxy"
    """One of :data:`BOX_ORDERS`."""
    resize: str = "stretch"
    """``stretch`` or ``letterbox``."""
    layout: str = "NHWC"
    """Of the hub file's input. ``NCHW`` puts the turning of the axes inside the graph."""

    def spec(self, name: str, width: int, height: int) -> ModelSpec:
        """The hub file's spec, for an input of ``width`` × ``height`` pixels."""
        mean, std, colour_order = KERAS_SCALINGS[self.scaling]
        return ModelSpec(
            os.fsencode(name).decode("utf-8", "replace"),  # of a file, so perhaps no text
            width,
            height,
            mean=self.mean or mean,
            std=self.std or std,
            layout=self.layout,
            colour_order=self.colour_order or colour_order,
            resize=self.resize,
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What the tool says about a model."""

    refused: str = ""
    """Why it cannot be used."""
    width: int = 0
    """Of the input, in pixels."""
    height: int = 0
    written_by: str = ""
    """What wrote it, e.g. ``"Keras 2.15.0 .h5"``."""
    tools: str = ""
    """Names and versions of what exported it."""


@dataclass(frozen=True, slots=True)
class Source:
    """A Keras or TensorFlow model, and what must be said to find its way around it."""

    path: Path
    """File, or folder of a SavedModel."""
    size: tuple[int, int] | None = None
    """Width and height in pixels, where the model leaves them open."""
    input_tensor: str | None = None
    """Name in a frozen graph that has several."""
    output_tensor: str | None = None
    """Likewise."""

    def run(self, action: str, target: Path, *words: str | Path) -> Facts:
        """Have the tool export or answer to ``target``; gives the facts that it found.

        Raises:
            InputError: The tool cannot use the model; the message says why.
            ConversionError: The tool failed.
        """
        if self.size is not None:
            words = (*words, "--size", *map(str, self.size))
        if self.input_tensor is not None:
            words = (*words, "--input-tensor", self.input_tensor)
        if self.output_tensor is not None:
            words = (*words, "--output-tensor", self.output_tensor)
        facts_file = target.with_suffix(".facts.json")
        path = self.path.absolute()
        script = export.__file__
        TOOLS.run([script, action, path, target, "--facts", facts_file, *words])
        text = read_bytes(facts_file, _MAX_FACTS_BYTES)
        facts = convert(
            parse_json(text, TOOLS.name, ConversionError), Facts, TOOLS.name, ConversionError
        )
        if facts.refused:
            raise InputError(f"{self.path}: {facts.refused}")
        return facts

    def check(self) -> None:
        """Refuse what the tool could not read, before it is made for that.

        Raises:
            InputError: Missing, a part of a model, or nothing that can be read as a whole.
        """
        if not self.path.exists():
            raise InputError(f"{self.path}: no such file or folder")
        if self.path.name == "saved_model.pb":
            raise InputError(f"{self.path}: part of a SavedModel; give its folder")
        for file in self._files():
            require_regular(file)

    def _files(self) -> list[Path]:
        if not self.path.is_dir():
            return [self.path]
        return sorted(file for file in self.path.rglob("*") if not file.is_dir())

    def sha256(self) -> str:
        """Hash of the file, or of the names and hashes of a folder's files."""
        if self.path.is_file():
            return sha256_of(self.path)
        files = self._files()
        lines = (f"{file.relative_to(self.path).as_posix()} {sha256_of(file)}\n" for file in files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Import:
    """What became of a model."""

    spec: ModelSpec
    parity: Parity
    """Between Keras and the hub file."""
    written_by: str
    """What wrote the source, e.g. ``"Keras 2.15.0 .h5"``."""


def import_keras(
    source: Source,
    target: Path,
    photos: Sequence[RgbImage],
    convention: Convention | None = None,
    opset: int = 13,
) -> Import:
    """Convert a Keras model to a hub file and put it in place if it answers like Keras.

    Args:
        source: The model; one input ``(N, H, W, 3)``, one output ``(N, 4)``.
        target: The ``.onnx`` file to write.
        photos: RGB photos on which both are compared.
        convention: How it wants photos and answers boxes; ``None`` takes the thesis' defaults.
        opset: ONNX operator set, 13–17.

    Raises:
        InputError: The model cannot be used; the message says why.
        ConversionError: A tool failed or the graph is not valid ONNX.
        ParityError: The hub file answers differently; nothing was written.
        MissingDependencyError: The tool environment cannot be made.
    """
    if opset not in CLASSIC_OPSETS:
        raise InputError(f"opset {opset} is not offered (choose 13–17)")
    if target.suffix != ".onnx":
        raise InputError(f"{target}: the hub file's name must end in .onnx")
    source.check()
    convention = convention or Convention()
    convention.spec(source.path.stem, *(source.size or (1, 1)))  # refused before tools are made
    turned = ("--nchw",) if convention.layout == "NCHW" else ()
    with tempfile.TemporaryDirectory() as folder:
        exported = Path(folder) / "exported.onnx"
        facts = source.run("export", exported, "--opset", str(opset), *turned)
        spec = convention.spec(source.path.stem, facts.width, facts.height)
        expected = _keras_answers(source, photos, convention, spec, Path(folder))

        def convert(draft: Path) -> None:
            _complete(exported, draft, convention)
            finish_hub(draft, spec, _origin(source, facts))

        parity = produce(target, convert, lambda d: _compare(d, photos, expected), TOLERANCE)
    return Import(spec, parity, facts.written_by)


def _keras_answers(
    source: Source,
    photos: Sequence[RgbImage],
    convention: Convention,
    spec: ModelSpec,
    folder: Path,
) -> Outputs:
    """Boxes of the source itself, in corners, shape ``(N, 4)``."""
    batch, _ = processing.prepare(photos, replace(spec, layout="NHWC"))
    asked, answered = folder / "photos.npy", folder / "answers.npy"
    np.save(asked, batch)
    source.run("answer", answered, "--photos", asked)
    try:
        boxes = np.load(answered, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise ConversionError(f"{TOOLS.name} tool: its answers cannot be read ({error})") from error
    if boxes.shape != (len(photos), 4):
        raise ConversionError(
            f"{TOOLS.name} tool: {len(photos)} photos, answers of shape {boxes.shape}"
        )
    return {"box": boxes @ BOX_ORDERS[convention.box_order]}


def _complete(exported: Path, draft: Path, convention: Convention) -> None:
    """Name the batch axis, put boxes into the hub's order, and fold constants."""
    onnx = require("onnx", extra="convert")
    if not exported.is_file():
        raise ConversionError("tf2onnx wrote no file")
    model = onnx.load(str(exported))
    for value in (*model.graph.input, *model.graph.output):
        batch = value.type.tensor_type.shape.dim[0]
        if not batch.dim_value:
            batch.dim_param = "N"
    if convention.box_order != "xyxy":
        _append_order(onnx, model.graph, BOX_ORDERS[convention.box_order])
    onnx.save(model, str(draft))
    fold_constants(draft)


def _append_order(onnx: Any, graph: Any, order: NDArray[np.float32]) -> None:  # noqa: ANN401
    """Let the graph end in a product with ``order``; its output keeps its name."""
    [output] = graph.output
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = ["box_as_answered" if name == output.name else name for name in names]
    product = onnx.helper.make_node(
        "MatMul", ["box_as_answered", "box_order"], [output.name], name="box_order"
    )
    graph.node.append(product)
    graph.initializer.append(onnx.numpy_helper.from_array(order, "box_order"))


def _origin(source: Source, facts: Facts) -> dict[str, str]:
    return {
        "lightning_plates.source": facts.written_by,
        "lightning_plates.source_sha256": source.sha256(),
        "lightning_plates.tools": facts.tools,
    }


def _compare(draft: Path, photos: Sequence[RgbImage], expected: Outputs) -> Parity:
    with open_model(draft) as model:
        boxes = [model.predict([photo])["box"] for photo in photos]
        return measure_parity(expected, {"box": np.concatenate(boxes)}, model.spec)


def main(argv: list[str]) -> int:
    """Run the script; see ``--help``."""
    args = _parser().parse_args(argv)
    convention = Convention(
        args.scaling, _triple(args.mean), _triple(args.std), args.colour_order, args.box_order,
        args.resize, args.layout,
    )  # fmt: skip
    if (convention.mean is None) != (convention.std is None):
        raise InputError("--mean and --std belong together")
    size = None if args.size is None else (args.size[0], args.size[1])
    source = Source(args.model, size, args.input_tensor, args.output_tensor)
    photos = load_parity_photos(args.photos)
    done = import_keras(source, args.output, photos, convention, args.opset)
    size_mb = args.output.stat().st_size / 1e6
    print(
        f"{args.output}: {size_mb:.1f} MB, opset {args.opset}, {done.spec.layout} "
        f"{done.spec.width} × {done.spec.height}; from {done.written_by}; agrees with it on "
        f"{done.parity.photos} photos (largest difference {done.parity.max_abs_difference:.1e}, "
        f"mean {done.parity.likeness} {done.parity.mean_likeness:.4f})"
    )
    return 0


def _triple(values: list[float] | None) -> Triple | None:
    return None if values is None else (values[0], values[1], values[2])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conversion.keras",
        description="Turn a Keras or TensorFlow box regressor into an ONNX hub file. Without "
        "options it takes the thesis' convention: RGB, pixels / 255, stretched to the input, one "
        "box x1 y1 x2 y2 in 0–1. Convert only files that you trust.",
    )
    parser.add_argument(
        "model", type=Path, help=".keras, .h5, folder of a SavedModel, or frozen .pb"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument(
        "--photos",
        type=Path,
        help="photo or folder on which Keras and the file are compared (default: synthetic)",
    )
    parser.add_argument("--opset", type=int, default=13, help="13–17 (%(default)s)")
    _add_convention(parser)
    graph = parser.add_argument_group("what the file may leave open")
    graph.add_argument(
        "--size", type=int, nargs=2, metavar=("WIDTH", "HEIGHT"), help="of the input"
    )
    graph.add_argument("--input-tensor", metavar="NAME", help="of a frozen graph with several")
    graph.add_argument("--output-tensor", metavar="NAME", help="likewise")
    return parser


def _add_convention(parser: argparse.ArgumentParser) -> None:
    default = Convention()
    group = parser.add_argument_group("how the model wants photos and answers boxes")
    group.add_argument(
        "--scaling", choices=tuple(KERAS_SCALINGS), default=default.scaling,
        help="unit: / 255; symmetric: −1…1 (Keras' mode tf); imagenet: mode torch; caffe: mode "
        "caffe, VGG16's preprocess_input; raw: 0…255 (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--mean", type=float, nargs=3, metavar="M", help="of pixels in 0–1, instead of --scaling's"
    )
    group.add_argument("--std", type=float, nargs=3, metavar="S", help="likewise")
    group.add_argument("--colour-order", choices=("RGB", "BGR"), help="instead of --scaling's")
    group.add_argument(
        "--box-order", choices=tuple(BOX_ORDERS), default=default.box_order,
        help="order of the four numbers; c: centre (%(default)s)",
    )  # fmt: skip
    group.add_argument(
        "--resize", choices=("stretch", "letterbox"), default=default.resize, help="%(default)s"
    )
    group.add_argument(
        "--layout", choices=("NHWC", "NCHW"), default=default.layout,
        help="of the hub file's input (%(default)s)",
    )  # fmt: skip
