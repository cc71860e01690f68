from collections import Counter
from dataclasses import replace

import pytest

from lightning_plates.data.annotations.record import AnnotationSet, PhotoRecord
from lightning_plates.data.split import make_split, read_split, write_split
from lightning_plates.errors import AnnotationError, InputError


@pytest.fixture
def copies(tmp_path) -> AnnotationSet:
    """20 originals with 10 copies each; no files, because splitting needs none."""
    photos = tuple(
        PhotoRecord(f"s{source:02}-{copy}.jpg", 8, 8, (), f"s{source:02}")
        for source in range(20)
        for copy in range(10)
    )
    return AnnotationSet(tmp_path, photos)


def counts(split):
    return Counter(entry.side for entry in split.entries)


def test_copies_of_a_photo_stay_together(copies):
    split = make_split(copies)
    sides = {}
    for entry in split.entries:
        sides.setdefault(entry.source, set()).add(entry.side)
    assert all(len(seen) == 1 for seen in sides.values())
    assert counts(split) == {"train": 160, "val": 20, "test": 20}
    assert split.shared_sources == ()


def test_the_thesis_protocol_leaks_and_says_so(copies):
    split = make_split(copies, "thesis")
    assert counts(split) == {"train": 180, "val": 20}
    # 20 of 200 at random: the chance that they come from at most two sources is nil.
    assert len(split.shared_sources) > 5
    assert split.describe().startswith("split thesis, seed 0: train 180, val 20; ")
    assert f"{len(split.shared_sources)} of 20 sources on more than one side" in split.describe()


def test_the_seed_decides(copies):
    assert make_split(copies, seed=1) == make_split(copies, seed=1)
    assert make_split(copies, seed=1).files("val") != make_split(copies, seed=2).files("val")


def test_the_order_of_the_set_does_not_matter(copies):
    backwards = replace(copies, photos=copies.photos[::-1])
    assert sorted(make_split(copies).files("test")) == sorted(make_split(backwards).files("test"))


def test_frames_of_one_drive_stay_together(tmp_path):
    frames = {"day": 50, "night": 30, "rain": 20}
    photos = tuple(
        PhotoRecord(f"{drive}.mp4_t_{number}.jpg", 8, 8, ())
        for drive, count in frames.items()
        for number in range(count)
    )
    annotations = AnnotationSet(tmp_path, photos)
    split = make_split(annotations, group_by=r"^(.*)_t_", fractions=(0.5, 0.3, 0.2))
    assert counts(split) == {"train": 50, "val": 30, "test": 20}
    assert {entry.source for entry in split.entries} == {"day.mp4", "night.mp4", "rain.mp4"}
    with pytest.raises(InputError, match="does not match"):
        make_split(annotations, group_by="snow")
    with pytest.raises(InputError, match="group-by"):
        make_split(annotations, group_by="(")


def test_photos_of_equal_content_count_as_copies(tmp_path, make_photo_set):
    annotations = make_photo_set(tmp_path, {f"{name}.png": () for name in "abcdefghij"})
    (tmp_path / "j.png").write_bytes((tmp_path / "a.png").read_bytes())
    for seed in range(6):
        entries = {entry.file: entry for entry in make_split(annotations, seed=seed).entries}
        assert entries["a.png"].source == entries["j.png"].source == "a"
        assert entries["a.png"].side == entries["j.png"].side


def test_a_split_is_kept_on_disk(copies, tmp_path):
    split = make_split(copies, "thesis", seed=7)
    write_split(split, tmp_path)
    assert read_split(tmp_path) == read_split(tmp_path / "split.csv") == split
    first, second = (tmp_path / "split.csv").read_text().splitlines()[:2]
    assert '"protocol": "thesis"' in first
    assert '"seed": 7' in first
    assert second == "file,source,split"


def test_a_split_selects_from_its_own_set_only(copies):
    split = make_split(copies)
    assert len(split.select(copies, "val").photos) == 20
    other = replace(copies, photos=(*copies.photos, PhotoRecord("new.jpg", 8, 8, ())))
    with pytest.raises(InputError, match=r"new\.jpg .* is not in the split"):
        split.select(other, "val")


@pytest.mark.parametrize("fractions", [(0.5, 0.5, 0.5), (1.2, -0.2, 0.0), (0.5, 0.5)])
def test_fractions_must_make_sense(copies, fractions):
    with pytest.raises(InputError, match="fractions must be three numbers that sum to 1"):
        make_split(copies, fractions=fractions)


def test_every_side_gets_something_or_it_is_an_error(tmp_path):
    def photos(number):
        names = (f"{n}.jpg" for n in range(number))
        return AnnotationSet(tmp_path, tuple(PhotoRecord(name, 8, 8, ()) for name in names))

    assert counts(make_split(photos(3))) == {"train": 1, "val": 1, "test": 1}
    with pytest.raises(InputError, match="2 source photos cannot fill train, val, test"):
        make_split(photos(2))
    with pytest.raises(InputError, match="no photos to split"):
        make_split(photos(0))
    with pytest.raises(InputError, match="unknown split protocol 'lucky'"):
        make_split(photos(3), "lucky")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,source,split\na.jpg,a,train\n", r"split\.csv:1: not a split file"),
        ('# {"protocol": "grouped", "seed": 0, "fractions": [1, 0, 0], "group_by": ""}\n'
         "file,source,split\na.jpg,a,training\n", r"split\.csv:3: no side of a split: 'training'"),
        ('# {"protocol": "grouped", "seed": 0, "fractions": [1, 0, 0], "group_by": ""}\n'
         "file,split\n", "column missing: source"),
        ("# [1]\n", "not a split file"),
    ],
)  # fmt: skip
def test_broken_split_files(tmp_path, content, message):
    (tmp_path / "split.csv").write_text(content)
    with pytest.raises(AnnotationError, match=message):
        read_split(tmp_path)
