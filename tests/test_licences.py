"""``docs/licences.md`` says what is installed here: `make licences` brings it up to date."""

import platform
import re
import sys

import pytest
from licences import (
    DOCUMENT,
    EVERY,
    OF_TOOLS,
    PROJECT,
    TOOLS,
    Package,
    closure,
    installed_in,
    is_installed,
    kept_rows,
    our_requirements,
    packages,
    rows_of,
)
from packaging.licenses import canonicalize_license_expression
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def document():
    return DOCUMENT.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def stated(document):
    return rows_of(document, EVERY)


@pytest.fixture(scope="module")
def installed():
    return installed_in()


def test_every_installed_package_is_stated_with_its_licence_and_libraries(stated, installed):
    here = packages(installed)
    assert {"numpy", "shapely", "certifi", "msgspec"} <= {row.name for row in here}
    assert [row.name for row in here if row.name not in stated] == []
    facts = {row.name: (row.licence, row.carries) for row in here}
    assert {name: (stated[name].licence, stated[name].carries) for name in facts} == facts
    wrong = [row for row in here if not set(row.needed_for) <= set(stated[row.name].needed_for)]
    assert [row for row in wrong if stated[row.name].needed_for != ("always",)] == []


@pytest.mark.skipif(
    (sys.platform, platform.machine(), sys.version_info[:2]) != ("linux", "x86_64", (3, 11)),
    reason="the tables are of Linux x86-64 with Python 3.11",
)
def test_nothing_is_stated_that_an_installed_extra_does_not_bring(stated, installed):
    for extra, needs in our_requirements().items():
        if is_installed(needs, installed):
            brought = closure(needs, installed)
            assert {name for name, row in stated.items() if extra in row.needed_for} <= brought


def test_every_pinned_package_is_stated_for_any_system(stated):
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    names = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line}
    assert names - set(stated) == set()


def test_what_the_tools_pin_is_stated(document):
    pinned = {canonicalize_name(name) for tool in TOOLS for name in tool.pins}
    assert set(rows_of(document, OF_TOOLS)) == pinned


def test_no_package_is_under_a_gpl_or_agpl(stated):
    bound = {name for name, row in stated.items() if re.search(r"(?<!L)GPL", row.licence)}
    assert bound == set()


def test_what_no_environment_here_brings_is_kept(installed):
    rows = [
        Package("tensorrt", "LicenseRef-NVIDIA-Proprietary", ("tensorrt",), ()),
        Package("gone", "MIT", ("always",), ()),
        Package("both", "MIT", ("dev", "Windows"), ()),
    ]
    kept = {row.name: row.needed_for for row in kept_rows(rows, [installed])}
    assert kept == {"tensorrt": ("tensorrt",), "both": ("Windows",)}


def test_licences_are_spdx_expressions(stated):
    for row in stated.values():
        assert canonicalize_license_expression(row.licence) == row.licence


@pytest.mark.parametrize(
    ("name", "library"),
    [("shapely", "libgeos"), ("opencv-python-headless", "libavcodec"), ("pi-heif", "libheif")],
)
def test_bundled_lgpl_libraries_are_named(stated, name, library):
    assert any(library in part and "LGPL" in part for part in stated[name].carries)
