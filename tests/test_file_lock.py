import pytest

from lightning_plates.file_lock import LOCKS, is_at, is_locked, try_lock

pytestmark = pytest.mark.skipif(not LOCKS, reason="this system knows no locks")


def test_a_lock_ends_with_its_file(tmp_path):
    path = tmp_path / "file"
    with path.open("w") as first, path.open("a") as second:
        assert try_lock(first)
        assert not try_lock(second)
        assert is_locked(path)
    assert not is_locked(path)


def test_a_file_that_another_took_the_place_of_is_not_there(tmp_path):
    path, other = tmp_path / "file", tmp_path / "other"
    other.touch()
    with path.open("w") as file:
        assert is_at(file, path)
        other.replace(path)
        assert not is_at(file, path)
        path.unlink()
        assert not is_at(file, path)
