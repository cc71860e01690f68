"""Puts the data folders of the checkout inside the package when a wheel is built."""

from __future__ import annotations

from pathlib import Path

from setuptools.command.build_py import build_py

DATA = (
    ("configs", "*.yaml"),
    ("artifacts", "SHA256SUMS"),
    ("artifacts/finder", "*.onnx*"),
    ("artifacts/finder", "README.md"),
)
"""Folders beside the package that a user of the wheel needs too, and which of their files. What
training starts from and what is there to compare with stay in the checkout: a board reads."""


class BuildWithData(build_py):
    """``build_py`` that also copies :data:`DATA`; an editable install reads them in place."""

    def run(self) -> None:
        """Build the package, then copy the data folders into it."""
        super().run()
        if self.editable_mode:
            return
        for source, target in self._data_pairs():
            target.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(str(source), str(target))

    def get_source_files(self) -> list[str]:
        """What a source distribution must hold to build the same wheel."""
        own: list[str] = super().get_source_files()  # type: ignore[no-untyped-call]  # its stub has no types
        return [*own, *(str(source) for source, _ in self._data_pairs())]

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """What this command writes."""
        outputs = super().get_outputs(include_bytecode)
        return [*outputs, *(str(target) for _, target in self._data_pairs())]

    def _data_pairs(self) -> list[tuple[Path, Path]]:
        """Files of the checkout, and where they go in the build."""
        package = Path(self.build_lib) / "lightning_plates"
        return [
            (file, package / file)
            for folder, pattern in DATA
            for file in sorted(Path(folder).rglob(pattern))
        ]
