"""Rule files in YAML whose mistakes are reported with file and line."""

from __future__ import annotations

import re
from collections.abc import Set
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from lightning_plates.errors import ConfigError
from lightning_plates.files import read_bytes

PACKAGED = Path(__file__).parents[2] / "configs"
"""Where an installed distribution keeps the files of ``configs/``."""

CHECKOUT = Path(__file__).parents[3] / "configs"
"""Where they lie in a checkout, which is their source."""

MOST_BYTES = 200_000
"""Largest rule file that is read; those that ship have 5,000 bytes at most."""

MOST_LEVELS = 20
"""Deepest nesting that is read; a rule file has five levels."""

_WHOLE_NUMBER = re.compile("[0-9]{1,9}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]{1,9}\.?[0-9]{0,18}|\.[0-9]{1,18})", re.ASCII)


def config_folder(kind: str) -> Path:
    """Folder of the shipped rule files of one ``kind``, e.g. ``"plates"``."""
    root = CHECKOUT if (CHECKOUT / kind).is_dir() else PACKAGED
    return root / kind


def list_configs(kind: str) -> list[str]:
    """Names of the shipped rule files of one ``kind``, sorted."""
    return sorted(file.stem for file in config_folder(kind).glob("*.yaml"))


def find_config(kind: str, name: str) -> Path:
    """Path of a shipped rule file by name, or of the user's own by path.

    What cannot be read at an own path is said by :func:`read_config`.

    Raises:
        ConfigError: No shipped file is named so; the message lists the names.
    """
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    known = list_configs(kind)
    if name not in known:
        raise ConfigError(f"no {kind} file named {name!r} (choose from: {', '.join(known)})")
    return config_folder(kind) / f"{name}.yaml"


class Entry:
    """One value of a YAML file that knows its line.

    Args:
        path: The file, for messages.
        node: The parsed value.
        name: What the value is called in the file.
    """

    def __init__(self, path: Path, node: yaml.Node, name: str) -> None:
        self._path = path
        self._node = node
        self._name = name

    def error(self, message: str) -> ConfigError:
        """An error that names the file, this value's line and this value."""
        line = self._node.start_mark.line + 1
        return ConfigError(f"{self._path} line {line}: {self._name}: {message}")

    def fields(
        self, required: Set[str] = frozenset(), optional: Set[str] = frozenset()
    ) -> dict[str, Entry]:
        """Read a mapping and check its keys; any key goes where none is named.

        Raises:
            ConfigError: Not a mapping, or keys that are missing, unknown or given twice.
        """
        if not isinstance(self._node, yaml.MappingNode):
            raise self.error("expected a mapping of names to values")
        found: dict[str, Entry] = {}
        for key, value in self._node.value:
            name = Entry(self._path, key, self._name).text()
            entry = Entry(self._path, value, name)
            if name in found:
                raise entry.error("given twice")
            if required | optional and name not in required | optional:
                known = ", ".join(sorted(required | optional))
                raise entry.error(f"unknown (choose from: {known})")
            found[name] = entry
        missing = sorted(required - set(found))
        if missing:
            raise self.error(f"lacks {', '.join(missing)}")
        return found

    def items(self) -> list[Entry]:
        """Read a list; :class:`ConfigError` if it is none."""
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.error("expected a list")
        return [Entry(self._path, node, self._name) for node in self._node.value]

    def text(self) -> str:
        """Read one word or sentence on one line.

        Raises:
            ConfigError: A list or a mapping, or characters that a terminal does not print.
        """
        if not isinstance(self._node, yaml.ScalarNode):
            raise self.error("expected one value")
        text = " ".join(str(self._node.value).split())
        if not text.isprintable():
            raise self.error(f"holds a control character: {text[:40]!r}")
        return text

    def integer(self) -> int:
        """Read a whole number of at most nine digits; :class:`ConfigError` if it is none."""
        text = self.text()
        if not _WHOLE_NUMBER.fullmatch(text):
            raise self.error(f"expected a whole number, got {text[:40]!r}")
        return int(text)

    def number(self) -> float:
        """Read a finite number without exponent; :class:`ConfigError` if it is none."""
        text = self.text()
        if not _NUMBER.fullmatch(text):
            raise self.error(f"expected a number, got {text[:40]!r}")
        return float(text)

    def flag(self) -> bool:
        """Read ``true`` or ``false``; :class:`ConfigError` if it is neither."""
        text = self.text().lower()
        if text not in {"true", "false"}:
            raise self.error(f"expected true or false, got {text[:40]!r}")
        return text == "true"


class _RuleLoader(yaml.SafeLoader):
    """YAML of plain values: no references between nodes, no types of its own, no deep nesting.

    References grow exponentially where whoever walks the nodes follows them.
    """

    _level = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        self._level += 1
        problem = self._problem(event)
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self._level -= 1
        return node

    def _problem(self, event: Any) -> str | None:  # noqa: ANN401 -- one of many classes
        if self._level > MOST_LEVELS:
            return f"nested more than {MOST_LEVELS} levels deep"
        if event.anchor is not None:  # of an alias, too
            return "anchors and aliases (& and *) are not read"
        if event.tag is not None:
            return f"tags ({event.tag[:40]}) are not read"
        return None


def read_config(path: Path) -> Entry:
    """Parse a YAML file.

    Raises:
        ConfigError: The file cannot be read, is no regular file, is too large, is empty, or is not
            UTF-8 or YAML of plain values; the message names the line.
    """
    text = _read_text(path)
    try:
        node = yaml.compose(text, Loader=_RuleLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path} line {line}: not plain YAML ({error.problem})") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = text[error.position : error.position + 1]
        raise ConfigError(
            f"{path} line {line}: holds a control character: {character!r}"
        ) from error
    if node is None:
        raise ConfigError(f"{path} line 1: the file is empty")
    return Entry(path, node, path.name)


def _read_text(path: Path) -> str:
    try:
        data = read_bytes(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path} line {line}: not UTF-8 ({error.reason})") from error
