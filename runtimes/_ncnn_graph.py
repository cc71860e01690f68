"""Reads and writes ncnn's ``.param`` text: one layer a line, blobs by name.

Format: https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lightning_plates.errors import ModelError

_MAGIC = "7767517"


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the graph."""

    kind: str
    """ncnn's name of it, e.g. ``"Convolution"``."""
    name: str
    inputs: tuple[str, ...]
    """Names of the blobs that it reads."""
    outputs: tuple[str, ...]
    """Names of the blobs that it makes."""
    params: Mapping[str, str]
    """Values by number, as the text has them, e.g. ``{"0": "96"}``."""

    @classmethod
    def from_line(cls, line: str) -> Layer:
        """Read a line of the file.

        Raises:
            ValueError: Words are missing or are not what the format has there.
        """
        kind, name, inputs, outputs, *words = line.split()
        ends = int(inputs), int(inputs) + int(outputs)
        if not 0 <= ends[0] <= ends[1]:
            raise ValueError(f"{name}: {inputs} inputs, {outputs} outputs")
        if len(words) < ends[1]:
            raise ValueError(f"{ends[1]} blobs expected, got {len(words)}")
        params = dict(word.split("=", 1) for word in words[ends[1] :])
        return cls(kind, name, tuple(words[: ends[0]]), tuple(words[ends[0] : ends[1]]), params)

    def to_line(self) -> str:
        """Write what :meth:`from_line` reads."""
        counts = [str(len(self.inputs)), str(len(self.outputs))]
        params = [f"{number}={value}" for number, value in self.params.items()]
        return " ".join([self.kind, self.name, *counts, *self.inputs, *self.outputs, *params])

    def renamed(self, rename: Callable[[str], str]) -> Layer:
        """The same layer with other names of blobs."""
        inputs, outputs = map(rename, self.inputs), map(rename, self.outputs)
        return dataclasses.replace(self, inputs=tuple(inputs), outputs=tuple(outputs))


def read_layers(file: Path) -> list[Layer]:
    """Read all layers of a ``.param`` file.

    Raises:
        ModelError: It is not such a file, or ends early.
    """
    try:
        magic, counts, *lines = file.read_text(encoding="utf-8").splitlines()
        declared = int(counts.split()[0])
        layers = [Layer.from_line(line) for line in lines if line.strip()]
    except (ValueError, IndexError) as error:
        raise ModelError(f"{file}: not an ncnn .param file, or it ends early ({error})") from error
    if magic.strip() != _MAGIC:
        raise ModelError(f"{file}: not an ncnn .param file")
    if len(layers) != declared:
        raise ModelError(f"{file}: declares {declared} layers and has {len(layers)}")
    return layers


def write_layers(layers: list[Layer], file: Path) -> None:
    """Write ``layers`` as a ``.param`` file."""
    blobs = sum(len(layer.outputs) for layer in layers)
    lines = [_MAGIC, f"{len(layers)} {blobs}", *(layer.to_line() for layer in layers)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
