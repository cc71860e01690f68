"""Operators of an ONNX model → table: ``python -m conversion.ops MODEL.onnx -o table.md``.

Says of every operator how often it occurs, since which opset it exists, and what became of it in
each format, as read from converted files and their manifests. Without any, the model is converted
to every format whose tool is installed, in a temporary folder.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from conversion._base import Converter, Job, Written
from conversion._discovery import find_converter, list_converters
from conversion.gate.comparison import answer_photos
from conversion.gate.manifest import SUFFIX, Facts, read_manifest, size_of
from conversion.gate.parity import TOLERANCES, Outputs
from conversion.graph.hub_file import (
    Hub,
    digest_of_hub,
    in_one_file,
    load_graph,
    open_hub,
)
from conversion.hub import load_parity_photos
from conversion.operators.mapping import Fates, Node, Trace, find_fates, read_nodes
from conversion.operators.table import Operator, Outcome, write_table
from lightning_plates.data.workers import fresh_processes
from lightning_plates.drafts import write_text
from lightning_plates.errors import (
    ConversionError,
    InputError,
    MissingDependencyError,
    ModelError,
    SpecError,
)
from lightning_plates.optional import require
from lightning_plates.photos import RgbImage
from lightning_plates.spec import METADATA_KEY, ModelSpec
from lightning_plates.terminal.console import run_reporting
from runtimes import open_model

_FAILURES = (ConversionError, InputError, ModelError)


@dataclass(frozen=True, slots=True)
class Graph:
    """The source, as far as the table needs it."""

    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    operators: tuple[Operator, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """A conversion that is made for the table alone."""

    name: str
    """File name of the converter."""
    hub: Hub
    photos: Sequence[RgbImage]


def read_model(path: Path) -> Graph:
    """Read the operators of an ONNX file; it needs no spec.

    Raises:
        InputError: The file is missing or not ONNX.
    """
    model = load_graph(path)
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = tuple(value.name for value in model.graph.input if value.name not in constants)
    nodes = read_nodes(model)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    kinds = {node.op_type: node.domain for node in model.graph.node}
    operators = []
    for name in sorted({node.operator for node in nodes}):
        domain = kinds[name.rpartition("::")[2]]
        count = sum(node.operator == name for node in nodes)
        operators.append(_describe(name, count, domain, opsets.get(domain, 1)))
    return Graph(nodes, inputs, tuple(operators))


def _describe(name: str, count: int, domain: str, opset: int) -> Operator:
    onnx = require("onnx", extra="convert")
    plain, domain = name.rpartition("::")[2], "" if domain == "ai.onnx" else domain
    try:
        since = int(onnx.defs.get_schema(plain, opset, domain).since_version)
    except onnx.defs.SchemaError:
        return Operator(name, count, None, None)
    history = (
        schema.since_version
        for schema in onnx.defs.get_all_schemas_with_history()
        if (schema.name, schema.domain) == (plain, domain)
    )
    return Operator(name, count, since, min(history))


def read_converted(hub_file: Path, graph: Graph, places: Sequence[Path]) -> list[Outcome]:
    """What the conversions in ``places`` did with a model.

    Args:
        hub_file: The source.
        graph: Its operators.
        places: Converted files, or folders of them; what came of another source is left out.

    Raises:
        InputError: None of them is a conversion of ``hub_file``.
    """
    digest = digest_of_hub(hub_file, load_graph(hub_file))
    outcomes = []
    for model in _converted_files(places):
        facts = read_manifest(model)
        if facts is not None and facts["hub_sha256"] == digest and model.exists():
            outcomes.append(_outcome_of(model, facts, hub_file, graph))
    if not outcomes:
        names = ", ".join(map(str, places))
        raise InputError(f"{names}: no conversion of {hub_file} (its manifest would name its hash)")
    return sorted(outcomes, key=lambda outcome: outcome.label)


def _converted_files(places: Sequence[Path]) -> Iterator[Path]:
    for place in places:
        if not place.exists():
            raise InputError(f"{place}: no such file or folder")
        if read_manifest(place) is not None:
            yield place
        elif place.is_dir():
            yield from (file.with_suffix("") for file in sorted(place.glob(f"*{SUFFIX}")))


def _outcome_of(model: Path, facts: Facts, hub_file: Path, graph: Graph) -> Outcome:
    converter = find_converter(facts["converter"])()
    variant = model.name.removeprefix(f"{hub_file.stem}.").removesuffix(converter.suffix)
    variant = variant.removesuffix(converter.file_suffix().removesuffix(converter.suffix))
    fates = _fates(converter, model, graph, facts["operators"])
    return Outcome(
        label=f"{converter.label} {variant.replace('.', ' ')}",
        tool=facts["tool"],
        size_mb=sum(facts["sizes"].values()) / 1e6,
        max_abs_difference=facts["parity"]["max_abs_difference"],
        reason="",
        fates=fates,
        operators=facts["operators"],
    )


def _fates(converter: Converter, model: Path, graph: Graph, operators: Mapping[str, int]) -> Fates:
    """By the names in the converted file, or else by its operators alone."""
    counted = (Trace(kind) for kind, count in operators.items() for _ in range(count))
    traces = converter.trace(model) or tuple(counted)
    return find_fates(graph.nodes, graph.inputs, traces) if traces else Fates((), {})


def convert_everywhere(
    model: Path, photos: Sequence[RgbImage], only: Sequence[str] = ()
) -> Iterator[tuple[str, Outcome]]:
    """Convert a model to FP32 in every format whose tool is installed.

    Each conversion has a process of its own: a tool that crashes costs its column alone.

    Args:
        model: An ONNX file; without a spec it must have one image input and one output.
        photos: RGB photos on which the converted models are compared with it.
        only: Names of the converters that are tried; empty tries all.

    Yields:
        Name of the converter and what it did; formats whose tool is missing are left out.

    Raises:
        InputError: The model cannot be run on photos.
    """
    with tempfile.TemporaryDirectory() as folder:
        hub = _open(model, Path(folder))
        for name in only or list_converters():
            with fresh_processes(1) as pool:
                try:
                    outcome = pool.submit(try_conversion, Trial(name, hub, photos)).result()
                except BrokenProcessPool:
                    outcome = _failure(find_converter(name), "the tool crashed")
            if outcome is not None:
                yield name, outcome


def try_conversion(trial: Trial) -> Outcome | None:
    """Convert to FP32 and compare all output values; ``None`` where the tool is not installed."""
    cls = find_converter(trial.name)
    converter = cls()
    try:
        converter.check_tool()
        converter.prepare_tool()
    except MissingDependencyError:
        return None
    graph = read_model(trial.hub.path)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "drafts" / converter.file_name(trial.hub.path, "fp32")
        draft.parent.mkdir()
        scratch = Path(folder) / "scratch"
        scratch.mkdir()
        try:
            hub = in_one_file(trial.hub, scratch / "hub")
            written = converter.write_draft(Job(hub, "fp32", None, scratch), draft)
            difference, reason = _compare(converter, trial, draft)
        except _FAILURES as error:
            return _failure(cls, " ".join(str(error).split()))
        return _success(converter, draft, graph, written, difference, reason)


def _success(
    converter: Converter,
    draft: Path,
    graph: Graph,
    written: Written,
    difference: float,
    reason: str,
) -> Outcome:
    fates = _fates(converter, draft, graph, written.operators)
    size_mb = sum(size_of(file) for file in draft.parent.iterdir()) / 1e6
    return Outcome(
        converter.label, converter.tool_version(), size_mb, difference, reason, fates,
        written.operators,
    )  # fmt: skip


def _failure(cls: type[Converter], reason: str) -> Outcome:
    return Outcome(cls.label, cls().tool_version(), None, None, reason, Fates((), {}), {})


def _compare(converter: Converter, trial: Trial, draft: Path) -> tuple[float, str]:
    """Largest difference of any output value, and what is wrong with it."""
    with open_model(trial.hub.path, runtime="onnxruntime") as source:
        expected = answer_photos(source, trial.photos)
    file, runtime = converter.answers_in(draft)
    with open_model(file, runtime, converter.usual_device()) as model:
        got = answer_photos(model, trial.photos)
    difference, scale = _largest_difference(expected, got)
    allowed = TOLERANCES["fp32"].max_abs_difference * scale
    if difference <= allowed:
        return difference, ""
    return difference, f"answers differently (by {difference:.1e}, allowed {allowed:.0e})"


def _largest_difference(expected: Outputs, got: Outputs) -> tuple[float, float]:
    """Largest difference, and the largest value where that exceeds 1."""
    difference, scale = 0.0, 1.0
    for name, values in expected.items():
        if name not in got or got[name].shape != values.shape:
            raise ConversionError(f"output {name!r} is missing or has another shape")
        wide = values.astype(np.float64)
        apart = np.abs(wide - got[name].astype(np.float64)).max(initial=0.0)
        difference = max(difference, float(np.nan_to_num(apart, nan=np.inf)))
        scale = max(scale, float(np.abs(wide).max(initial=0.0)))
    return difference, scale


def _open(model: Path, folder: Path) -> Hub:
    newest = max(cls.max_opset for cls in list_converters().values())
    try:
        return open_hub(model, newest)
    except SpecError:
        stand_in = folder / model.name
        _save_stand_in(model, stand_in)
        return open_hub(stand_in, newest)


def _save_stand_in(source: Path, target: Path) -> None:
    """Write a copy that converters take: the same operators, our names and a spec.

    Raises:
        InputError: It does not take one image and give one answer.
    """
    onnx = require("onnx", extra="convert")
    model = onnx.load(str(source))
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    sizes = [size.dim_value for size in inputs[0].type.tensor_type.shape.dim] if inputs else []
    if len(inputs) != 1 or len(model.graph.output) != 1 or len(sizes) != 4 or 0 in sizes[1:]:
        raise InputError(
            f"{source}: without a model spec it cannot be converted here, because it does not take "
            "one image of a fixed size and give one answer; name its conversions: --converted"
        )
    layout = "NCHW" if sizes[1] == 3 else "NHWC"
    height, width = sizes[2:] if layout == "NCHW" else sizes[1:3]
    spec = ModelSpec(source.stem, width, height, layout=layout)
    _rename(model.graph, {inputs[0].name: spec.input_name, model.graph.output[0].name: "box"})
    onnx.helper.set_model_props(model, {METADATA_KEY: spec.to_json()})
    onnx.save(model, str(target))


def _rename(graph: Any, names: dict[str, str]) -> None:  # noqa: ANN401 -- onnx.GraphProto
    for value in (*graph.input, *graph.output):
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def main(argv: list[str]) -> int:
    """Run the script; see ``--help``."""
    parser = argparse.ArgumentParser(prog="python -m conversion.ops", description=__doc__)
    parser.add_argument("model", type=Path, help="ONNX file; any, with or without a model spec")
    parser.add_argument(
        "--converted", type=Path, nargs="+", metavar="PATH",
        help="converted files or folders of them (default: convert now, FP32)",
    )  # fmt: skip
    parser.add_argument(
        "--only", nargs="+", default=(), choices=tuple(list_converters()), metavar="FORMAT",
        help="convert to these alone: %(choices)s",
    )  # fmt: skip
    parser.add_argument("--photos", type=Path, help="to compare on (default: synthetic ones)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="Markdown to write")
    args = parser.parse_args(argv)
    graph = read_model(args.model)
    if args.converted:
        outcomes = read_converted(args.model, graph, args.converted)
    else:
        outcomes = []
        photos = load_parity_photos(args.photos)
        for name, outcome in convert_everywhere(args.model, photos, args.only):
            print(f"{name}: {outcome.reason or 'agrees'}", file=sys.stderr, flush=True)
            outcomes.append(outcome)
    # Without folders: the table may be published, and they say nothing to its readers.
    words = (Path(word).name if "/" in word else word for word in argv)
    table = write_table(
        f"Operators of {args.model.name}",
        f"python -m conversion.ops {shlex.join(words)}",
        graph.operators,
        [node.operator for node in graph.nodes],
        outcomes,
    )
    if args.output is None:
        print(table)
    else:
        write_text(args.output, table)
    return 0


if __name__ == "__main__":
    sys.exit(run_reporting(main, sys.argv[1:]))
