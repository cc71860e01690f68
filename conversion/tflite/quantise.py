"""Quantises a float32 ``.tflite`` file: a program that runs in the quantiser's own environment.

It imports nothing of this project; files and a few words are all that cross.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

_SIGNATURE = "serving_default"
"""The one signature that onnx2tf writes."""


def main(argv: list[str]) -> int:
    """Find ranges or quantise, as the words of ``argv`` say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path, help="float32 .tflite")
    parser.add_argument("kind", choices=("fp16", "dynamic", "static", "ranges"))
    parser.add_argument("target", type=Path, help=".tflite; for ranges: .json")
    parser.add_argument("--photos", type=Path, help=".npy of float32 inputs, (N, H, W, 3)")
    parser.add_argument("--input-name", default="")
    parser.add_argument("--across-photos", choices=("minmax", "average"), default="minmax")
    parser.add_argument("--ranges", type=Path, help="what `ranges` wrote")
    parser.add_argument("--keep-float", type=Path, help=".json: scopes of operators")
    args = parser.parse_args(argv)
    if args.kind == "ranges":
        found = _find_ranges(args.source, args.input_name, args.photos, args.across_photos)
        args.target.write_text(json.dumps(found), encoding="utf-8")
        return 0
    kept = json.loads(args.keep_float.read_text(encoding="utf-8")) if args.keep_float else []
    recipe = _recipe(args.kind, kept).get_quantization_recipe()
    quantiser = _tool("quantizer").Quantizer(str(args.source), recipe)
    ranges = _load_ranges(args.ranges) if args.ranges else None
    result = quantiser.quantize(ranges, enable_progress_report=False)
    args.target.write_bytes(bytes(result.quantized_model))
    return 0


def _tool(module: str) -> Any:  # noqa: ANN401 -- the quantiser is not in the project's environment
    return importlib.import_module(f"ai_edge_quantizer.{module}")


def _recipe(kind: str, keep_float: list[str]) -> Any:  # noqa: ANN401 -- the tool's RecipeManager
    recipe = _tool("recipe_manager").RecipeManager()
    algorithms = _tool("algorithm_manager").AlgorithmName
    every = _tool("qtyping").TFLOperationName.ALL_SUPPORTED
    if kind == "fp16":
        recipe.add_weight_only_config(
            ".*", every, num_bits=16, algorithm_key=algorithms.FLOAT_CASTING
        )
    elif kind == "dynamic":
        recipe.add_dynamic_config(".*", every, num_bits=8)
    else:
        recipe.add_static_config(".*", every, activation_num_bits=8, weight_num_bits=8)
    for scope in keep_float:
        pattern = f"^{re.escape(scope)}$"
        recipe.add_quantization_config(pattern, every, algorithm_key=algorithms.NO_QUANTIZE)
    return recipe


def _find_ranges(source: Path, input_name: str, photos: Path, across: str) -> dict[str, Any]:
    """Smallest and largest value of every tensor over all photos.

    The tool's own choice, a moving average of the photos' ranges, cuts off what only some photos
    reach, and a box regressor suffers from that before anything else.
    """
    updates = _tool("utils.qsv_utils")
    update = {"minmax": updates.min_max_update, "average": updates.moving_average_update}[across]
    calibrator = _tool("calibrator").Calibrator(str(source), num_threads=2, qsv_update_func=update)
    values = np.load(photos, mmap_mode="r")
    inputs = [{input_name: values[i : i + 1]} for i in range(len(values))]
    calibrator.calibrate({_SIGNATURE: inputs}, _recipe("static", []))
    found = calibrator.get_model_qsvs()
    return {
        name: {key: np.asarray(value).tolist() for key, value in range_.items()}
        for name, range_ in found.items()
    }


def _load_ranges(file: Path) -> dict[str, Any]:
    found = json.loads(file.read_text(encoding="utf-8"))
    return {
        name: {key: np.asarray(value, dtype=np.float32) for key, value in range_.items()}
        for name, range_ in found.items()
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
