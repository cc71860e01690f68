import pytest

from lightning_plates.drafts import draft_of, write_text


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
