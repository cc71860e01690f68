"""Writes the tables of ``docs/licences.md`` from what is installed: ``make licences`` runs it.

``python tests/licences.py .venv …`` reads virtual environments. Rows that only an extra needs which
none of them has, another system or another Python are kept as they stand: TensorRT's, for example,
were written by hand. It serves this checkout alone, as what compares its result does.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.metadata
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest brings it
    import tomli as tomllib

from conversion.keras import importer
from conversion.tflite import converter

TOOLS = (importer.TOOLS, converter.TOOLS)
PROJECT = Path(__file__).parents[1]
DOCUMENT = PROJECT / "docs" / "licences.md"
BEGIN, END = "<!-- made by `make licences` -->", "<!-- end of what `make licences` makes -->"

ALWAYS = "always"
"""Name of what is installed without any extra."""

STATED: Mapping[str, str] = {
    # Of distributions whose metadata names no licence, or a family: read in the file they carry.
    "albucore": "MIT",
    "albumentations": "MIT",
    "antlr4-python3-runtime": "BSD-3-Clause",  # https://www.antlr.org/license.html
    "astunparse": "BSD-3-Clause AND PSF-2.0",
    "coremltools": "BSD-3-Clause",
    "contourpy": "BSD-3-Clause",
    "cuda-toolkit": "LicenseRef-NVIDIA-Proprietary",  # names NVIDIA's packages, holds nothing
    "cycler": "BSD-3-Clause",
    "gast": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "kiwisolver": "BSD-3-Clause",
    "matplotlib": "LicenseRef-matplotlib",  # its own, after that of Python
    "mpmath": "BSD-3-Clause",
    "namex": "Apache-2.0",
    "nodeenv": "BSD-3-Clause",
    "numpy": "BSD-3-Clause",
    "omegaconf": "BSD-3-Clause",
    "onnxscript": "MIT",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "python-bidi": "LGPL-3.0-or-later",
    "pytorch-tokenizers": "BSD-3-Clause",
    "scikit-image": "BSD-3-Clause",
    "scipy": "BSD-3-Clause",
    "sympy": "BSD-3-Clause",
    "tiktoken": "MIT",
    "torchao": "BSD-3-Clause",
    "torchvision": "BSD-3-Clause",
}

SPELLINGS: Mapping[str, str] = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "BSD-3": "BSD-3-Clause",
    "FreeBSD": "BSD-2-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "NVIDIA Proprietary Software": "LicenseRef-NVIDIA-Proprietary",
}
"""SPDX identifiers by what metadata says in their place."""

PERMISSIVE = frozenset((
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python",
    "HPND", "ISC", "LLVM-exception", "LicenseRef-matplotlib", "MIT", "MIT-CMU", "PSF-2.0",
    "Unlicense", "WTFPL", "Zlib",
))  # fmt: skip
"""What asks for no more than to be named."""

GCC = "GPL-3.0-or-later WITH GCC-exception-3.1"
"""The run-time libraries of GCC: their exception binds nobody who is linked with them."""

NVIDIA = "LicenseRef-NVIDIA-Proprietary"
"""NVIDIA's software licence, which forbids passing its libraries on, but for some of them."""

LIBRARIES: Mapping[str, str] = {
    "libavcodec": "LGPL-2.1-or-later",
    "libavformat": "LGPL-2.1-or-later",
    "libavutil": "LGPL-2.1-or-later",
    "libswresample": "LGPL-2.1-or-later",
    "libswscale": "LGPL-2.1-or-later",
    "libde265": "LGPL-3.0-or-later",
    "libheif": "LGPL-3.0-or-later",
    "libgeos": "LGPL-2.1-or-later",
    "libgeos_c": "LGPL-2.1-or-later",
    "libgfortran": GCC,
    "libgomp": GCC,
    "libquadmath": "LGPL-2.1-or-later",
    "libcheckpoint": NVIDIA,
    "libcudart": NVIDIA,
    "libcupti": NVIDIA,
    "libnvjpeg": NVIDIA,
    "libnvperf_host": NVIDIA,
    "libnvperf_target": NVIDIA,
    "libpcsamplingutil": NVIDIA,
    "libtensorrt_rtx": NVIDIA,
    **dict.fromkeys((
        "libXau", "libaec", "libaom", "libavif", "libbrotlicommon", "libbrotlidec", "libcrypto",
        "libdav1d", "libdrm", "libfreetype", "libharfbuzz", "libhdf5", "libhdf5_hl", "libhwloc",
        "libjpeg", "liblcms2", "liblzma", "libopenblasp", "libopenjp2", "libpng16",
        "libscipy_openblas", "libscipy_openblas64_", "libsharpyuv", "libssl", "libsz", "libtbb",
        "libtiff", "libvpx", "libwebp", "libwebpdemux", "libwebpmux", "libxcb", "libz", "libzstd",
    ), "permissive"),
}  # fmt: skip
"""Licence of native libraries that wheels carry, by name; each of those that asks for more than to
be named is listed. One that is missing here stops the generator."""


@dataclass(frozen=True, slots=True)
class Package:
    """A row of the table."""

    name: str
    licence: str
    """SPDX expression."""
    needed_for: tuple[str, ...]
    """Extras that bring it, or :data:`ALWAYS` alone."""
    carries: tuple[str, ...]
    """Native libraries of its wheel that ask for more than to be named, by their licence."""

    @property
    def is_permissive(self) -> bool:
        """Whether neither it nor what it carries asks for more than to be named."""
        identifiers = set(re.findall(r"[\w.+-]+", self.licence)) - {"AND", "OR", "WITH"}
        return identifiers <= PERMISSIVE and not self.carries

    def as_row(self) -> str:
        """The row in Markdown."""
        cells = (self.name, self.licence, ", ".join(self.needed_for), "; ".join(self.carries))
        return f"| {' | '.join(cells)} |".replace("|  |", "| |")


Installed = Mapping[str, Distribution]


def installed_in(folders: Sequence[Path] | None = None) -> Installed:
    """Distributions by normalised name: of virtual environments, or of the one that runs this."""
    if folders is None:
        found: Iterable[Distribution] = importlib.metadata.distributions()
    else:
        places = [str(place) for folder in folders for place in folder.glob("lib/*/site-packages")]
        found = importlib.metadata.distributions(path=places)
    return {canonicalize_name(one.metadata["Name"]): one for one in found}


def our_requirements() -> dict[str, list[Requirement]]:
    """What this project asks for, by extra; :data:`ALWAYS` without one."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = {ALWAYS: project["dependencies"], **project["optional-dependencies"]}
    return {extra: [Requirement(line) for line in texts] for extra, texts in lines.items()}


def is_installed(requirements: Sequence[Requirement], installed: Installed) -> bool:
    """Whether every requirement of an extra that holds for this system is there."""
    wanted = [one for one in requirements if _holds(one, "")]
    return all(canonicalize_name(one.name) in {*installed, "lightning-plates"} for one in wanted)


def closure(requirements: Sequence[Requirement], installed: Installed) -> set[str]:
    """Names of all installed distributions that ``requirements`` bring, directly or not."""
    ours = our_requirements()
    seen: set[tuple[str, str]] = set()
    waiting = [one for one in requirements if _holds(one, "")]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        for extra in ("", *one.extras):
            if (name, extra) in seen or (name not in installed and name != "lightning-plates"):
                continue
            seen.add((name, extra))
            if name == "lightning-plates":
                waiting += [need for need in ours.get(extra, []) if _holds(need, "")]
            else:
                lines = map(Requirement, installed[name].requires or [])
                waiting += [need for need in lines if _holds(need, extra)]
    return {name for name, _ in seen} - {"lightning-plates"}


def packages(installed: Installed) -> list[Package]:
    """Every installed distribution that an extra which is installed brings."""
    brings = {
        extra: closure(needs, installed)
        for extra, needs in our_requirements().items()
        if is_installed(needs, installed)
    }
    names = sorted(set().union(*brings.values()))
    return [_package(installed[name], _needed_for(name, brings)) for name in names]


def licence_of(distribution: Distribution) -> str:
    """SPDX expression of a distribution's licence.

    Raises:
        LookupError: Its metadata does not tell, and neither does :data:`STATED`.
    """
    metadata = distribution.metadata
    name = canonicalize_name(metadata["Name"])
    given = metadata.get("License-Expression") or STATED.get(name) or metadata.get("License") or ""
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in metadata.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    for text in (given.strip(), *classifiers):
        with contextlib.suppress(InvalidLicenseExpression):
            return str(canonicalize_license_expression(SPELLINGS.get(text, text)))
    raise LookupError(f"{name}: metadata says {given[:40]!r}, {classifiers}; state it in STATED")


def carried_by(distribution: Distribution) -> tuple[str, ...]:
    """Native libraries of a wheel that ask for more than to be named, by their licence.

    Raises:
        LookupError: A library that was bundled with the wheel is not in :data:`LIBRARIES`.
    """
    found: dict[str, set[str]] = {}
    for file in distribution.files or []:
        if ".so" not in file.name:
            continue
        name = re.split(r"[.-]", file.name)[0]  # libgeos-1a2b3c4d.so.3.13.1
        is_bundled = any(part.endswith(".libs") for part in file.parts)
        if is_bundled and name not in LIBRARIES:
            raise LookupError(f"{distribution.metadata['Name']} carries {file.name}: add {name}")
        licence = LIBRARIES.get(name, "permissive")
        if licence not in {"permissive", licence_of(distribution)}:
            found.setdefault(licence, set()).add(name)
    return tuple(f"{', '.join(sorted(found[licence]))} ({licence})" for licence in sorted(found))


def merge(tables: Iterable[Sequence[Package]]) -> list[Package]:
    """One table of several environments': what each knows that a package is needed for."""
    merged: dict[str, Package] = {}
    for row in (row for table in tables for row in table):
        known = merged.get(row.name, row)
        needed = {*known.needed_for, *row.needed_for}
        merged[row.name] = Package(row.name, known.licence, _sorted(needed), known.carries)
    return [merged[name] for name in sorted(merged)]


def tool_packages() -> list[Package]:
    """What the environments of the conversion tools pin; they are made where they are missing."""
    tables = []
    for tool in TOOLS:
        installed = installed_in([tool.ensure().parents[1]])
        names = map(canonicalize_name, tool.pins)
        tables.append([_package(installed[name], (f"conversion.{tool.name}",)) for name in names])
    return merge(tables)


BOUND, EVERY, OF_TOOLS = (
    "What asks for more than to be named",
    "Every package",
    "In the environments of conversion tools",
)
"""Headings of the tables."""


def render(rows: Sequence[Package], tools: Sequence[Package]) -> str:
    """The generated part of the document."""
    bound = [row for row in rows if not row.is_permissive and row.needed_for != ("dev",)]
    tables = {BOUND: bound, EVERY: rows, OF_TOOLS: tools}
    sections = [f"### {heading}\n\n{_table(table)}\n" for heading, table in tables.items()]
    return "\n".join([BEGIN, *sections, END])


def rows_of(document: str, heading: str) -> dict[str, Package]:
    """Rows below a heading of the document, by package."""
    section = document.partition(f"### {heading}\n")[2].partition("\n#")[0].partition(END)[0]
    rows = {}
    for line in section.strip().splitlines()[2:]:
        name, licence, needed, carries = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name] = Package(name, licence, _split(needed, ", "), _split(carries, "; "))
    return rows


def kept_rows(stated: Iterable[Package], environments: Sequence[Installed]) -> list[Package]:
    """What the document states for that none of the environments is a witness of."""
    covered = {
        extra
        for installed in environments
        for extra, needs in our_requirements().items()
        if is_installed(needs, installed)
    }
    rows = [(row, tuple(one for one in row.needed_for if one not in covered)) for row in stated]
    return [dataclasses.replace(row, needed_for=needed) for row, needed in rows if needed]


def main() -> None:
    """Write the document's tables anew."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("environment", type=Path, nargs="+")
    parser.add_argument("--tools", action="store_true", help="also of the conversion tools")
    args = parser.parse_args()
    text = DOCUMENT.read_text(encoding="utf-8")
    environments = [installed_in([folder]) for folder in args.environment]
    kept = kept_rows(rows_of(text, EVERY).values(), environments)
    tools = tool_packages() if args.tools else [*rows_of(text, OF_TOOLS).values()]
    made = render(merge([*map(packages, environments), kept]), tools)
    head, rest = text.partition(BEGIN)[0], text.partition(END)[2]
    DOCUMENT.write_text(head + made + rest, encoding="utf-8")


def _package(distribution: Distribution, needed_for: tuple[str, ...]) -> Package:
    name = canonicalize_name(distribution.metadata["Name"])
    return Package(name, licence_of(distribution), needed_for, carried_by(distribution))


def _needed_for(name: str, brings: Mapping[str, set[str]]) -> tuple[str, ...]:
    return _sorted(extra for extra, names in brings.items() if name in names)


def _sorted(needed_for: Iterable[str]) -> tuple[str, ...]:
    """In the order of pyproject.toml; what is always there needs no extra."""
    order = {extra: place for place, extra in enumerate(our_requirements())}
    known = sorted(needed_for, key=lambda extra: (order.get(extra, len(order)), extra))
    return (ALWAYS,) if ALWAYS in known else tuple(known)


def _holds(requirement: Requirement, extra: str) -> bool:
    environment = {**default_environment(), "extra": extra}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def _split(cell: str, separator: str) -> tuple[str, ...]:
    return tuple(cell.split(separator)) if cell else ()


def _table(rows: Iterable[Package]) -> str:
    head = ["| package | licence | needed for | its wheel carries |", "|---|---|---|---|"]
    return "\n".join([*head, *(row.as_row() for row in rows)])


if __name__ == "__main__":
    main()
