import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_plates import drafts, locking
from lightning_plates.drafts import (
    draft_files_in,
    draft_folder_of,
    draft_of,
    draft_space,
    write_text,
)
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


def test_a_result_of_a_writer_that_makes_private_files_is_readable_as_any_new_file(tmp_path):
    target, usual = tmp_path / "model.bin", tmp_path / "usual"
    usual.touch()
    with draft_of(target) as draft:
        draft.unlink()
        os.close(os.open(draft, os.O_CREAT | os.O_WRONLY, 0o600))
    assert target.stat().st_mode == usual.stat().st_mode


def test_files_that_belong_together_come_back_together(tmp_path, monkeypatch):
    (tmp_path / "a.bin").write_text("earlier a")
    (tmp_path / "b.xml").write_text("earlier b")
    rename = Path.rename

    def fail_on_the_second(self, target):
        if self.name == "b.xml" and self.parent.name == "ready":
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


def test_a_link_to_itself_is_replaced(tmp_path):
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    write_text(tmp_path / "loop.txt", "done")
    assert (tmp_path / "loop.txt").read_text() == "done"


def test_a_name_that_is_not_unicode_can_be_written(tmp_path):
    write_text(tmp_path / "table.csv", "caf\udce9.jpg ñ\n")
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == "caf\\udce9.jpg ñ\n"


@pytest.mark.parametrize("writer", [draft_of, draft_folder_of, draft_files_in, draft_space])
def test_a_name_that_no_file_can_have_is_refused(tmp_path, writer):
    with pytest.raises(OutputError, match=r"no file can have this name"), writer(tmp_path / "a\0b"):
        pytest.fail("a draft was given")


KEPT_OPEN = """
import sys
from pathlib import Path
from lightning_plates import drafts, locking
with drafts.{writer} as draft:
    {body}
    print("ready", flush=True)
    sys.stdin.read()
"""


def start_writer(folder, writer, body="draft.write_text('half')"):
    """A process that holds a draft in ``folder`` until it is killed."""
    script = KEPT_OPEN.format(writer=writer.format(folder=f"Path({str(folder)!r})"), body=body)
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    return process


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdin.close()
    process.stdout.close()


@pytest.mark.parametrize(
    ("writer", "body"),
    [
        ("draft_of({folder} / 'a.txt')", "draft.write_text('half')"),
        ("draft_folder_of({folder} / 'set')", "(draft / 'photo').write_text('half')"),
        ("draft_files_in({folder})", "(draft / 'a.bin').write_text('half')"),
        ("draft_space({folder})", "(draft / 'deep').mkdir()"),
    ],
)
def test_what_a_killed_writer_left_is_removed_and_a_living_ones_draft_is_not(
    tmp_path, writer, body
):
    dead = start_writer(tmp_path, writer, body)
    living = start_writer(tmp_path, writer, body)
    assert len(list(tmp_path.glob(".draft-*"))) == 2
    kill(dead)
    write_text(tmp_path / "result.txt", "done")
    assert len(list(tmp_path.glob(".draft-*"))) == 1
    living.communicate(b"")
    assert living.returncode == 0  # it could still put its draft in place
    assert not list(tmp_path.glob(".draft-*"))


def test_a_folder_is_searched_once_a_process(tmp_path):
    write_text(tmp_path / "first.txt", "done")
    kill(start_writer(tmp_path, "draft_of({folder} / 'a.txt')"))
    write_text(tmp_path / "second.txt", "done")
    assert len(list(tmp_path.glob(".draft-*"))) == 1  # a folder of 10,000 results is not read again


def test_folders_and_links_of_others_are_left_alone(tmp_path):
    (tmp_path / ".draft-letters").mkdir()
    (tmp_path / ".draft-letters" / "a.txt").write_text("mine")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").touch()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / ".draft-link.lightning-plates").symlink_to(elsewhere)
    write_text(tmp_path / "a.txt", "done")
    write_text(tmp_path / "out" / "b.txt", "done")
    assert (tmp_path / ".draft-letters" / "a.txt").exists()
    assert (elsewhere / "mine").exists()


@pytest.mark.parametrize("left", [(), ("new",), ("deep",)])
def test_a_draft_is_removed_whenever_its_writer_was_killed(tmp_path, left):
    """Before it was locked, or amid its own removal."""
    space = tmp_path / f"{drafts.PREFIX}x{drafts.SUFFIX}"
    space.mkdir()
    for name in left:
        (space / name).mkdir()
    write_text(tmp_path / "a.txt", "done")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_writer_whose_new_draft_another_took_for_a_dead_ones_begins_again(tmp_path, monkeypatch):
    lock_folder, taken = drafts.lock_folder, []

    def take_the_first(folder):
        if not taken:
            taken.append(folder)
            folder.rmdir()
        return lock_folder(folder)

    monkeypatch.setattr(drafts, "lock_folder", take_the_first)
    write_text(tmp_path / "a.txt", "done")
    assert taken
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


KILLED_AMID_MOVES = """
import os, signal, sys
from pathlib import Path
from lightning_plates import drafts, locking
rename = Path.rename
def until_the_second(self, target):
    if (self.name, self.parent.name) == ("b.xml", "{part}"):
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.rename = until_the_second
folder = Path(sys.argv[1])
with drafts.draft_files_in(folder) as draft:
    for name in ("a.bin", "b.xml", "c.json"):
        (draft / name).write_text("new")
"""


@pytest.mark.parametrize("part", ["ready", "{folder}"])
def test_moves_that_a_kill_interrupted_are_finished(tmp_path, part):
    for name in ("a.bin", "b.xml"):
        (tmp_path / name).write_text("earlier")
    script = KILLED_AMID_MOVES.format(part=part.format(folder=tmp_path.name))
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)])
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "a.bin").read_text() == "new"
    assert not (tmp_path / "c.json").exists()
    with draft_files_in(tmp_path):
        found = {p.name: p.read_text() for p in tmp_path.iterdir() if p.is_file()}
    assert found == dict.fromkeys(("a.bin", "b.xml", "c.json"), "new")
    assert not list(tmp_path.glob(".draft-*"))


def test_two_writers_of_one_target_do_not_share_a_draft(tmp_path):
    target = tmp_path / "result.txt"
    with draft_of(target) as first, draft_of(target) as second:
        first.write_text("one")
        second.write_text("two")
    assert target.read_text() == "one"  # the last to finish; neither is a mixture


def test_where_files_cannot_be_locked_writing_works_and_nothing_is_cleaned_up(
    tmp_path, monkeypatch
):
    kill(start_writer(tmp_path, "draft_of({folder} / 'a.txt')"))
    monkeypatch.setattr(locking, "fcntl", None)
    write_text(tmp_path / "result.txt", "done")
    assert (tmp_path / "result.txt").read_text() == "done"
    assert len(list(tmp_path.glob(".draft-*"))) == 1
