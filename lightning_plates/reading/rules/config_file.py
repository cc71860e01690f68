"""Rule files in YAML whose mistakes are reported with file and line."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

import yaml

from lightning_plates.errors import ConfigError

PACKAGED = Path(__file__).parents[2] / "configs"
"""Where an installed distribution keeps the files of ``configs/``."""

CHECKOUT = Path(__file__).parents[3] / "configs"
"""Where they lie in a checkout, which is their source."""


def config_folder(kind: str) -> Path:
    """Folder of the shipped rule files of one ``kind``, e.g. ``"plates"``."""
    root = CHECKOUT if (CHECKOUT / kind).is_dir() else PACKAGED
    return root / kind


def list_configs(kind: str) -> list[str]:
    """Names of the shipped rule files of one ``kind``, sorted."""
    return sorted(file.stem for file in config_folder(kind).glob("*.yaml"))


def find_config(kind: str, name: str) -> Path:
    """Path of a shipped rule file by name, or of the user's own by path.

    Raises:
        ConfigError: Neither exists; the message lists the shipped names.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise ConfigError(f"{name}: no such file")
        return path
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
            entry = Entry(self._path, value, str(key.value))
            if key.value in found:
                raise entry.error("given twice")
            if required | optional and key.value not in required | optional:
                known = ", ".join(sorted(required | optional))
                raise entry.error(f"unknown (choose from: {known})")
            found[key.value] = entry
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
        """Read one word or sentence; :class:`ConfigError` if it is a list or a mapping."""
        if not isinstance(self._node, yaml.ScalarNode):
            raise self.error("expected one value")
        return str(self._node.value)

    def integer(self) -> int:
        """Read a whole number; :class:`ConfigError` if it is none."""
        text = self.text()
        if not text.isdecimal():
            raise self.error(f"expected a whole number, got {text!r}")
        return int(text)

    def flag(self) -> bool:
        """Read ``true`` or ``false``; :class:`ConfigError` if it is neither."""
        text = self.text().lower()
        if text not in {"true", "false"}:
            raise self.error(f"expected true or false, got {text!r}")
        return text == "true"


def read_config(path: Path) -> Entry:
    """Parse a YAML file.

    Raises:
        ConfigError: The file cannot be read, is empty or is not YAML.
    """
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path} line {line}: not YAML ({error.problem})") from error
    if node is None:
        raise ConfigError(f"{path} line 1: the file is empty")
    return Entry(path, node, path.name)
