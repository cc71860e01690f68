import os
from pathlib import Path

import pytest

from lightning_plates.drafts import draft_files_in, draft_of, write_text
from lightning_plates.errors import OutputError


def test_a_failure_keeps_what_was_there_and_leaves_no_draft(tmp_path):
    target = tmp_path / "result.txt"
    target.write_text("earlier")

    def fail_midway():
        with draft_of(target) as draft:
            draft.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fail_midway()
    assert target.read_text() == "earlier"
    assert [p.name for p in tmp_path.iterdir()] == ["result.txt"]


def test_success_replaces_and_makes_folders(tmp_path):
    target = tmp_path / "new" / "deep" / "result.txt"
    write_text(target, "done ñ")
    write_text(target, "again")
    assert target.read_text(encoding="utf-8") == "again"
    assert [p.name for p in target.parent.iterdir()] == ["result.txt"]
    assert target.stat().st_mode & 0o400


def test_files_that_belong_together_come_back_together(tmp_path, monkeypatch):
    (tmp_path / "a.bin").write_text("earlier a")
    (tmp_path / "b.xml").write_text("earlier b")
    rename = Path.rename

    def fail_on_the_second(self, target):
        if self.name == "b.xml" and self.parent.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    def write_both():
        with draft_files_in(tmp_path) as draft:
            (draft / "a.bin").write_text("new a")
            (draft / "b.xml").write_text("new b")

    monkeypatch.setattr(Path, "rename", fail_on_the_second)
    with pytest.raises(OSError, match="No space left"):
        write_both()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
        "a.bin": "earlier a",
        "b.xml": "earlier b",
    }
    monkeypatch.undo()
    write_both()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {
        "a.bin": "new a",
        "b.xml": "new b",
    }


def test_a_link_stays_and_devices_and_folders_are_spared(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "disk" / "result.txt")
    write_text(tmp_path / "link.txt", "done")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "disk" / "result.txt").read_text() == "done"
    os.mkfifo(tmp_path / "pipe")
    for target in (tmp_path / "pipe", tmp_path / "disk"):
        with pytest.raises(OutputError, match=rf"{target.name}: not a file that can be replaced"):
            write_text(target, "never")
    assert (tmp_path / "pipe").is_fifo()


def test_a_name_that_is_not_unicode_can_be_written(tmp_path):
    write_text(tmp_path / "table.csv", "caf\udce9.jpg ñ\n")
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == "caf\\udce9.jpg ñ\n"
