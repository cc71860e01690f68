"""Stored features: found by their content, filled in several sittings, whole or not there."""

import errno
from pathlib import Path

import pytest
import torch
from torch import nn

from lightning_plates.data.feature_cache import FeatureRows, cache_key, fill, hash_photos
from lightning_plates.errors import OutputError
from lightning_plates.locking import open_locked
from lightning_plates.spec import ModelSpec

SPEC = ModelSpec("tiny", 8, 8)
IMAGES = torch.rand(10, 3, 2, 2)


def batches_from(start):
    return IMAGES[start:].split(3)


def rows_in(folder, dtype=torch.float32):
    return FeatureRows(folder / "key.features", 10, (3, 2, 2), dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_are_what_was_extracted(tmp_path, dtype):
    rows = rows_in(tmp_path, dtype)
    fill(rows, batches_from, lambda images: (images * 2).to(dtype))
    assert torch.equal(rows.open(), (IMAGES * 2).to(dtype))


def test_an_interrupted_fill_goes_on_where_it_stopped(tmp_path):
    rows = rows_in(tmp_path)

    def interrupted(start):
        yield from batches_from(start)[:2]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(rows, interrupted, lambda images: images)
    assert not rows.file.exists()
    [draft] = tmp_path.iterdir()
    with draft.open("ab") as stream:
        stream.write(b"half a row")
    starts = []

    def resumed(start):
        starts.append(start)
        return batches_from(start)

    fill(rows, resumed, lambda images: images)
    assert starts == [6]
    assert torch.equal(rows.open(), IMAGES)
    assert list(tmp_path.iterdir()) == [rows.file]


def test_two_fits_at_once_do_not_share_a_draft(tmp_path):
    rows = rows_in(tmp_path)

    def with_another_amid(start):
        yield from batches_from(start)[:2]
        assert fill(rows, batches_from, lambda images: images)
        yield from batches_from(6)

    assert fill(rows, with_another_amid, lambda images: images)
    assert torch.equal(rows.open(), IMAGES)
    assert rows.is_sound()
    assert list(tmp_path.iterdir()) == [rows.file]


def test_what_another_fit_has_just_put_in_place_is_no_draft(tmp_path):
    draft = tmp_path / "key-1.draft"
    draft.touch()
    with open_locked(draft):
        with pytest.raises(BlockingIOError):
            open_locked(draft)
        # As if it had been finished between the opening and the locking.
        moved = draft.rename(tmp_path / "key.features")
    with moved.open("r+b") as late, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "open", lambda *_: late)
        draft.touch()
        with pytest.raises(FileNotFoundError):
            open_locked(draft)


def cut_off(file):
    file.write_bytes(file.read_bytes()[:-1])


def double(file):
    file.write_bytes(file.read_bytes() * 2)


def flip_a_bit(file):
    data = bytearray(file.read_bytes())
    data[17] ^= 1
    file.write_bytes(data)


def exchange(file):
    """The rows of other photos, whole and sealed, under this file's name."""
    other = FeatureRows(file.with_name("other.features"), 10, (3, 2, 2), torch.float32)
    fill(other, batches_from, torch.zeros_like)
    other.file.replace(file)


def leave_out_the_seal(file):
    file.write_bytes(file.read_bytes()[: 10 * 3 * 2 * 2 * 4])


@pytest.mark.parametrize("damage", [cut_off, double, flip_a_bit, exchange, leave_out_the_seal])
def test_a_bad_file_is_computed_again(tmp_path, capsys, damage):
    rows = rows_in(tmp_path)
    fill(rows, batches_from, lambda images: images)
    damage(rows.file)
    assert not rows.is_sound()
    assert fill(rows, batches_from, lambda images: images)
    assert torch.equal(rows.open(), IMAGES)
    assert "key.features: damaged" in capsys.readouterr().out


def test_a_complete_file_is_not_computed_again(tmp_path):
    rows = rows_in(tmp_path)
    fill(rows, batches_from, lambda images: images)
    assert not fill(rows, pytest.fail, pytest.fail)


def test_a_full_disk_is_one_line_with_the_size(tmp_path):
    def full(_images):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OutputError, match=r"No space left.*cache_features false"):
        fill(rows_in(tmp_path), batches_from, full)


def test_whatever_changes_the_features_changes_the_key(tmp_path):
    photos = [tmp_path / "a", tmp_path / "b"]
    for photo in photos:
        photo.write_bytes(photo.name.encode())
    backbone = nn.Conv2d(3, 2, 3)
    contents = hash_photos(photos)
    key = cache_key(backbone, contents, SPEC, "32-true")
    assert key == cache_key(backbone, contents, SPEC, "32-true")
    others = {
        cache_key(backbone, contents, SPEC, "bf16-mixed"),
        cache_key(backbone, contents[::-1], SPEC, "32-true"),
        cache_key(backbone, contents, ModelSpec("tiny", 8, 8, resize="letterbox"), "32-true"),
    }
    photos[0].write_bytes(b"changed")
    others.add(cache_key(backbone, hash_photos(photos), SPEC, "32-true"))
    photos[0].write_bytes(b"a")
    nn.init.zeros_(backbone.bias)
    others.add(cache_key(backbone, hash_photos(photos), SPEC, "32-true"))
    assert len(others - {key}) == 5
