"""ONNX hub → TensorRT: ``python -m conversion.tensorrt MODEL.onnx -o DIR``.

An engine runs only where it was built, so that what it was built from travels with it: a network
with a batch of one, in half precision or with Q/DQ inside, and a script that builds it with
``trtexec``. ``--trtexec`` writes these alone; TensorRT need not be here for that.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from conversion._base import Converter, Job, Variant, Written, measure_trial
from conversion.gate.parity import Parity
from conversion.graph.folding import save_folded
from conversion.graph.half import save_half
from conversion.graph.hub_file import Hub, count_operators, load_graph
from conversion.int8.keep_float import FloatChoice, Layers, add_float_options, settle_layers
from conversion.int8.qdq import SYMMETRIC, Quantiser, add_algorithm_option
from conversion.tensorrt.ranges import write_ranges
from conversion.tensorrt.trtexec import write_script
from lightning_plates.errors import ConversionError, InputError, ModelError
from lightning_plates.optional import require
from lightning_plates.spec import METADATA_KEY
from runtimes._cuda import CudaDevice
from runtimes._tensorrt_build import Settings, build_engine, describe_host, load_tensorrt
from runtimes._tensorrt_key import (
    KEY_SUFFIX,
    NETWORK_SUFFIX,
    RANGES_SUFFIX,
    EngineKey,
    Recipe,
    beside,
    sha256_of,
    write_key,
)
from runtimes.tensorrt import default_timing_cache

WORKSPACE_MB = 256
"""Leaves a board of 2 GB, whose GPU shares it with everything else, enough to live on."""
KINDS = ("qdq", "calibrator")
"""How INT8 gets its ranges, the default one first."""


@dataclass(frozen=True)
class TensorRtConverter(Converter):
    """``.engine`` files, batch of one."""

    label, module, extra = "TensorRT", "tensorrt", "tensorrt"
    precisions = ("fp32", "fp16", "int8")
    suffix, runtime = ".engine", "tensorrt"
    built_again = (suffix, KEY_SUFFIX)
    variants = (Variant("int8", KINDS[1], ("--quantise", KINDS[1])),)

    quantise: str = KINDS[0]
    """``qdq``: ranges in the network. ``calibrator``: in a cache beside it, up to TensorRT 10."""
    algorithm: str = "minmax"
    """How INT8 ranges are found."""
    keep_float: tuple[str, ...] | None = None
    """Layers that INT8 leaves in float; ``None`` measures which of the last and first ones."""
    search: bool = False
    """Whether to measure every layer, not the outermost ones alone."""
    workspace_mb: int = WORKSPACE_MB
    """Memory that TensorRT may use to compute one layer, in MiB."""
    trtexec: bool = False
    """Whether to write only what a board needs to build the engine itself."""

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Declare the kind of INT8, the workspace, and building elsewhere."""
        parser.add_argument(
            "--quantise", choices=KINDS, default=KINDS[0],
            help="INT8 ranges as Q/DQ in the network, or in a calibration cache, which TensorRT 8 "
            "to 10 read (%(default)s)",
        )  # fmt: skip
        add_algorithm_option(parser)
        parser.add_argument(
            "--workspace-mb", type=int, default=WORKSPACE_MB, metavar="MIB",
            help="memory for computing one layer (%(default)s)",
        )  # fmt: skip
        parser.add_argument(
            "--trtexec", action="store_true",
            help="build nothing here: write the network and a script that builds the engine on a "
            "board with trtexec; TensorRT is not needed",
        )  # fmt: skip
        add_float_options(parser)

    def check_tool(self) -> None:
        """Make sure that TensorRT is there, where it is needed."""
        if self.trtexec:
            require("onnx", extra="convert")
        else:
            load_tensorrt()

    def tool_version(self) -> str:
        """Name and version of what builds the engine."""
        if self.trtexec:
            return f"onnxruntime {version('onnxruntime')}; the engine by trtexec"
        return f"tensorrt {load_tensorrt().version}"

    def file_suffix(self) -> str:
        """``.engine``; that of the calibrator says so."""
        return self.suffix if self.quantise == KINDS[0] else f".{self.quantise}{self.suffix}"

    def answers_in(self, draft: Path) -> tuple[Path, str]:
        """The engine, or, where none is built, its network in ONNX Runtime."""
        if self.trtexec:
            return beside(draft, NETWORK_SUFFIX), "onnxruntime"
        return draft, self.runtime

    def check_options(self, precision: str, calibrated: bool) -> None:
        """Refuse options of other kinds too; see :meth:`Converter.check_options`."""
        if self.quantise != KINDS[0] and precision != "int8":
            raise InputError(f"--quantise {self.quantise} is of --precision int8, not {precision}")
        if self.workspace_mb < 1:
            raise InputError(f"--workspace-mb is {self.workspace_mb}, expected 1 or more")
        super().check_options(precision, calibrated)

    def _write(self, job: Job, draft: Path) -> Written:
        network = beside(draft, NETWORK_SUFFIX)
        details = self._write_network(job, network, beside(draft, RANGES_SUFFIX))
        recipe = self._recipe(job, draft)
        write_script(draft, recipe)
        if self.trtexec:
            details["built"] = "by trtexec; the network was compared in ONNX Runtime"
            write_key(draft, EngineKey(recipe, None, None))
        else:
            write_key(draft, _build(draft, recipe))
        return Written(count_operators(load_graph(network)), details)

    def _write_network(self, job: Job, network: Path, ranges: Path) -> dict[str, Any]:
        folded = save_folded(job.hub, job.scratch / "folded.onnx")
        details: dict[str, Any] = {}
        if job.precision == "fp16":
            save_half(folded, network)
        elif job.precision == "int8":
            hub = dataclasses.replace(job.hub, path=folded)
            details = self._write_quantised(job, hub, network, ranges)
        else:
            shutil.copyfile(folded, network)
        _tidy(network, job.hub)
        return details

    def _write_quantised(self, job: Job, hub: Hub, network: Path, ranges: Path) -> dict[str, Any]:
        quantiser = Quantiser(hub, job.training_photos, self.algorithm, job.scratch, SYMMETRIC)
        choice = self._choose_layers(job, quantiser)
        if self.quantise == "qdq":
            quantiser.write(network, choice.kept)
        else:
            shutil.copyfile(quantiser.prepared, network)
            write_ranges(ranges, quantiser.peaks(choice.kept))
        return choice.describe()

    def _choose_layers(self, job: Job, quantiser: Quantiser) -> FloatChoice:
        """Compare in ONNX Runtime: a choice costs seconds there, and minutes of building here."""
        trial = job.scratch / "trial" / "trial.onnx"

        def measure(kept: Layers) -> tuple[Parity, int]:
            trial.parent.mkdir(exist_ok=True)
            quantiser.write(trial, kept)
            parity, _ = measure_trial(dataclasses.replace(job, device=None), trial, "onnxruntime")
            # The network holds float weights, which TensorRT rounds; what counts is the engine.
            bytes_each = {name: 4 if name in kept else 1 for name in quantiser.weights}
            return parity, sum(bytes_each[name] * n for name, n in quantiser.weights.items())

        return settle_layers(quantiser.layers, self.keep_float, measure, self.search)

    def _recipe(self, job: Job, draft: Path) -> Recipe:
        ranges = beside(draft, RANGES_SUFFIX)
        photos = job.calibration.describe()["sha256"] if job.calibration else None
        return Recipe(
            precision=job.precision,
            hub_sha256=job.hub.sha256,
            network_sha256=sha256_of(beside(draft, NETWORK_SUFFIX).read_bytes()),
            calibration_sha256=photos,
            ranges_sha256=sha256_of(ranges.read_bytes()) if ranges.exists() else None,
            workspace_mb=self.workspace_mb,
        )


def _build(draft: Path, recipe: Recipe) -> EngineKey:
    """Build the engine of ``recipe`` on this machine.

    Raises:
        ConversionError: TensorRT cannot.
    """
    tensorrt, ranges = load_tensorrt(), beside(draft, RANGES_SUFFIX)
    try:
        cuda = CudaDevice()
        host = describe_host(tensorrt, cuda)
        settings = Settings(
            recipe.precision,
            ranges.read_bytes() if recipe.ranges_sha256 else None,
            recipe.workspace_mb,
            default_timing_cache(host),
        )
        engine = build_engine(tensorrt, beside(draft, NETWORK_SUFFIX).read_bytes(), settings)
        cuda.close()
    except ModelError as error:
        raise ConversionError(str(error)) from error
    draft.write_bytes(engine)
    return EngineKey(recipe, None, None).built(host, engine)


def _tidy(network: Path, hub: Hub) -> None:
    """Leave the standard operators as the only set, and the spec, which the quantiser drops."""
    onnx = require("onnx", extra="convert")
    model = onnx.load(str(network))
    standard = [entry for entry in model.opset_import if entry.domain in {"", "ai.onnx"}]
    del model.opset_import[:]
    model.opset_import.extend(standard)
    onnx.helper.set_model_props(model, {METADATA_KEY: hub.spec.to_json()})
    onnx.save(model, str(network))
