"""The shell script that builds an engine with ``trtexec``, on a board without Python packages."""

from __future__ import annotations

import shlex
from pathlib import Path

from runtimes._tensorrt_key import NETWORK_SUFFIX, RANGES_SUFFIX, Recipe

SCRIPT_SUFFIX = ".trtexec.sh"
"""What follows the engine's name."""

_SCRIPT = """\
#!/bin/sh
# Builds the engine for this machine, from the files beside it, with TensorRT's trtexec alone:
#   TRTEXEC=/path/to/trtexec sh THIS_SCRIPT [further options of trtexec]
set -eu
cd "$(dirname "$0")"
engine={engine}
trtexec=${{TRTEXEC:-$(command -v trtexec || echo /usr/src/tensorrt/bin/trtexec)}}
if [ ! -x "$trtexec" ]; then
    echo "$trtexec: not found; it comes with TensorRT (JetPack: apt install libnvinfer-bin)" >&2
    exit 2
fi
# Its first line says [TensorRT v8201] for 8.2.1 and [TensorRT v100300] for 10.3.0.
found=$("$trtexec" --help 2>&1 | sed -n 's/.*\\[TensorRT v\\([0-9]*\\)\\].*/\\1/p' | head -n 1)
version=${{TENSORRT_VERSION:-$found}}
if [ -z "$version" ]; then
    echo "$trtexec: does not say its version; set TENSORRT_VERSION, 8201 for 8.2.1" >&2
    exit 2
fi
if [ "$version" -ge 8400 ]; then
    set -- --memPoolSize=workspace:{workspace_mb} "$@"
else
    set -- --workspace={workspace_mb} "$@"
fi
draft="$engine.$$.draft" # one a writer: two may run at once
trap 'rm -f "$draft" "$draft{suffix}"' EXIT
{types}"$trtexec" --onnx="$engine{network}" --saveEngine="$draft" --noTF32 \\
    --timingCacheFile=tensorrt.timing "$@"
mv "$draft" "$engine"
echo "$engine: built"
"""

_TYPES = """\
if [ "$version" -lt 110000 ]; then # from 11 on the types of the network decide
    set -- {flags} "$@"
fi
"""

_RANGES = """\
if [ "$version" -ge 110000 ]; then
    echo "TensorRT 11 and newer have no calibrators; convert with --quantise qdq" >&2
    exit 2
fi
# A cache of another version is not read, though its ranges are the same.
{{ echo "TRT-$version-EntropyCalibration2"; sed 1d "$engine{suffix}"; }} >"$draft{suffix}"
set -- --calib="$draft{suffix}" "$@"
"""
_FLAGS = {"fp32": "", "fp16": "--fp16", "int8": "--int8 --fp16"}


def write_script(engine: Path, recipe: Recipe) -> Path:
    """Write the script that builds ``engine`` beside it.

    Args:
        engine: The file that it will write; network and calibration cache lie beside it.
        recipe: How it is built.

    Returns:
        The script.
    """
    script = engine.with_name(engine.name + SCRIPT_SUFFIX)
    flags = _FLAGS[recipe.precision]
    types = _TYPES.format(flags=flags) if flags else ""
    if recipe.ranges_sha256:
        types += _RANGES.format(suffix=RANGES_SUFFIX)
    text = _SCRIPT.format(
        engine=_quoted(engine.name),
        network=NETWORK_SUFFIX,
        suffix=RANGES_SUFFIX,
        workspace_mb=recipe.workspace_mb,
        types=types,
    )
    script.write_text(text, encoding="utf-8", newline="\n")
    script.chmod(0o755)
    return script


def _quoted(name: str) -> str:
    """A file name as the shell takes it, and never as an option."""
    return shlex.quote(f"./{name}" if name.startswith("-") else name)
