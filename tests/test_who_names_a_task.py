"""What a model answers is known to its task, and to what finds and reads plates; to nothing else.

The import rules of pyproject.toml say so of modules, this test of names.
"""

import ast

import pytest

PACKAGES = ("lightning_plates", "conversion", "runtimes")

ROOMS = (
    "lightning_plates/tasks/",
    "lightning_plates/finding/",
    "lightning_plates/reading/",
)
ALLOWED = {
    "lightning_plates/boxes.py": "defines it",
    "lightning_plates/api.py": "PlateFinder answers it",
    "runtimes/_base.py": "locate(): answer(), if it is boxes",
    "lightning_plates/bench/finder_accuracy.py": "the finder's own table",
    "lightning_plates/cli/_video_output.py": "hides the plates of read's videos",
    "lightning_plates/spec.py": "reads version 1, whose field `decoding` is",
}
"""Files with the reason why they may name an answer."""

ANSWERS = {"Detection", "Detections"}
OLD_WORDS = {"single_box", "scored_boxes"}
"""Values of ``decoding``, as tasks were called in version 1 of a spec."""


def names_a_task(tree):
    """Lines that name an answer type, or ask or set a spec's ``decoding``."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.alias(name=name) if name in ANSWERS:
                yield node.lineno
            case ast.Attribute(attr=name) if name in ANSWERS | {"decoding"}:
                yield node.lineno
            case ast.keyword(arg="decoding"):
                yield node.value.lineno
            case ast.Constant(value=str(word)) if word in OLD_WORDS:
                yield node.lineno


def found_in(file):
    return sorted(set(names_a_task(ast.parse(file.read_text(encoding="utf-8")))))


def test_only_what_finds_and_reads_plates_names_an_answer(project_dir):
    files = [file for package in PACKAGES for file in (project_dir / package).rglob("*.py")]
    named = {
        name: lines
        for file in files
        if not (name := file.relative_to(project_dir).as_posix()).startswith(ROOMS)
        if (lines := found_in(file)) and name not in ALLOWED
    }
    assert named == {}


@pytest.mark.parametrize("name", ALLOWED)
def test_no_exception_outlives_its_reason(project_dir, name):
    file = project_dir / name
    assert file.is_file()
    assert found_in(file)


@pytest.mark.parametrize(
    "line",
    [
        "from lightning_plates.boxes import Detection", "x: tuple[Detection, ...]",
        "boxes.Detection(b, 1)", "spec.decoding == 1", "f(decoding=1)", "x = 'single_box'",
    ],
)  # fmt: skip
def test_a_name_is_noticed(line):
    assert list(names_a_task(ast.parse(line))) == [1]
