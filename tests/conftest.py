"""Fixtures that every test may use."""

from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def project_dir() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real photos beside the project; they are not part of it."""
    folder = PROJECT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("needs the reference photos in ../shared, which are not part of the project")
    return folder
