"""Files of any content are read or refused in one line that names file and line."""

import os

import pytest
import yaml

from lightning_plates.errors import ConfigError
from lightning_plates.reading.rules.config_file import MOST_BYTES, MOST_LEVELS, read_config


def refusal(tmp_path, content):
    file = tmp_path / "rules.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    with pytest.raises(ConfigError) as refused:
        read_config(file).fields({"a"}, {"b"})["a"].integer()
    message = str(refused.value)
    assert message.startswith(f"{file} line ")
    assert message.isprintable()
    return message.removeprefix(f"{file} line ")


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("a: 1\nb: \x07\n", 2, "control character"),
        ("a: 1\nb: \x00\n", 2, "control character"),
        ('a: "\\e[2J"', 1, "control character: '\\x1b[2J'"),
        ("a: 1\nb: Espa\u00f1a\n".encode("latin-1"), 2, "not UTF-8"),
        ("a: 1\n".encode("utf-16"), 1, "not UTF-8"),
        ("a: 2021-11-01", 1, "expected a whole number, got '2021-11-01'"),
        ("a: " + "9" * 5000, 1, "expected a whole number"),
        ("a: \u00b2", 1, "expected a whole number, got '\u00b2'"),
        ("a: \u0663", 1, "expected a whole number"),
        ("a: 1_0", 1, "expected a whole number"),
        ("a: 1\n__class__: 2", 2, "__class__: unknown"),
        ("b: 1\na: 1\na: 2", 3, "a: given twice"),
        ("? [a, b]\n: 1", 1, "expected one value"),
        ("? {a: b}\n: 1", 1, "expected one value"),
        ("<<: {a: 1}", 1, "<<: unknown"),
        ("b: &x 1\na: *x", 1, "anchors and aliases"),
        ("a: *x", 1, "anchors and aliases"),
        ("a: !!python/object:os.system 1", 1, "tags"),
        ("a: !!timestamp 2021-11-01", 1, "tags"),
        ("a: " + "[" * 5000, 1, f"more than {MOST_LEVELS} levels"),
        ("a:\n  " + "- " * 5000 + "1", 2, f"more than {MOST_LEVELS} levels"),
        ("a: 1\n---\na: 2", 2, "not plain YAML"),
        ("a: [1", 1, "not plain YAML"),
        ("- a", 1, "expected a mapping"),
        ("a", 1, "expected a mapping"),
        ("", 1, "empty"),
        ("# nothing", 1, "empty"),
    ],
)
def test_odd_content_is_one_line_with_its_place(tmp_path, content, line, message):
    found = refusal(tmp_path, content)
    assert found.startswith(f"{line}: ")
    assert message in found


def test_references_that_grow_are_refused_before_they_do(tmp_path):
    lines = ["a: &a0 [x, x]"] + [f"b{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    assert "anchors and aliases" in refusal(tmp_path, "\n".join(lines))


def test_only_regular_files_of_a_modest_size_are_read(tmp_path):
    pipe, large = tmp_path / "pipe.yaml", tmp_path / "large.yaml"
    os.mkfifo(pipe)
    large.write_bytes(b"a: 1\n" + b"#" * MOST_BYTES)
    for path, reason in ((pipe, "not a regular file"), (large, "limit"), (tmp_path, "directory")):
        with pytest.raises(ConfigError, match=f"cannot be read .*{reason}"):
            read_config(path)
    with pytest.raises(ConfigError, match="no such file"):
        read_config(tmp_path / "gone.yaml")


def test_text_is_one_line(tmp_path):
    file = tmp_path / "rules.yaml"
    file.write_text("\ufeffa: |\n  one\n  two\n", encoding="utf-8")
    assert read_config(file).fields({"a"})["a"].text() == "one two"


@pytest.mark.parametrize("text", ["nan", ".inf", "1e400", "9" * 400, "0x10", "\u00b2", "1_0", ""])
def test_a_number_is_finite_and_plain(tmp_path, text):
    file = tmp_path / "rules.yaml"
    file.write_text(f"a: {yaml.safe_dump(text)}", encoding="utf-8")
    with pytest.raises(ConfigError, match="expected a number"):
        read_config(file).fields({"a"})["a"].number()


@pytest.mark.parametrize(("text", "value"), [("-0.4649", -0.4649), ("1", 1.0), (".5", 0.5)])
def test_numbers(tmp_path, text, value):
    file = tmp_path / "rules.yaml"
    file.write_text(f"a: {text}", encoding="utf-8")
    assert read_config(file).fields({"a"})["a"].number() == value
