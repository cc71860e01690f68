"""The lines that ``make mutants`` breaks are still there; the breaks themselves take minutes."""

import pytest

from tests.mutants.table import MUTANTS
from tests.mutants.trial import is_found

PROJECT_TESTS = sorted({test for mutant in MUTANTS for test in mutant.tests.split()})


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: f"{one.file}:{one.line[:30]}")
def test_the_line_stands_once_in_its_file(mutant):
    assert is_found(mutant)
    assert mutant.line != mutant.broken


@pytest.mark.parametrize("tests", PROJECT_TESTS)
def test_the_tests_that_must_notice_exist(tests, project_dir):
    assert (project_dir / tests).exists()
