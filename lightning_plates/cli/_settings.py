"""Training configurations: read with care, and what jsonargparse says of them in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from lightning_plates.errors import ConfigError
from lightning_plates.files import check_regular, read_bytes

CONFIG_OPTIONS = ("--config", "-c")
MAX_CONFIG_BYTES = 1 << 22
"""A training configuration has a few thousand; lists of many sets some more."""
MAX_DEPTH, MAX_VALUES = 40, 100_000
"""Of a configuration; aliases in YAML can stand for far more than they take in the file."""
MAX_SHOWN = 80
"""Characters of a wrong value that are repeated."""

_KEY = re.compile(r'^Parser key "([^"]+)":')
_HEADINGS = (
    "Problem with given class_path", "Does not validate against", "Subtypes:", "Errors:",
    "Given value", "Subclass types expect", "a class path (str)", "a dict with",
)  # fmt: skip
"""Lines of jsonargparse's reports that say neither where nor what."""
_NO_REASON = ("Expected a <class 'NoneType'>",)


SHIPPED = next(
    (root for up in (2, 1) if (root := Path(__file__).parents[up] / "configs").is_dir()), Path()
)
"""The configurations that ship: of the checkout, or else of the installed package."""


def name_configs(argv: Sequence[str]) -> list[str]:
    """Put paths where ``--config`` names a configuration that ships, e.g. ``own_finder``.

    A file of the user's by that name goes first; what is neither stays, to be said by the parser.
    """
    words = list(argv)
    for index, (before, word) in enumerate(zip(["", *argv], argv, strict=False)):
        option, equals, value = word.partition("=")
        if before in CONFIG_OPTIONS:
            words[index] = _shipped(word)
        elif equals and option in CONFIG_OPTIONS:
            words[index] = f"{option}={_shipped(value)}"
    return words


def _shipped(name: str) -> str:
    if not re.fullmatch(r"\w+(/\w+)?", name) or _exists(Path(name)):
        return name
    file = SHIPPED / f"{name}.yaml"
    return str(file) if file.is_file() else name


def check_files(argv: Sequence[str]) -> dict[str, Any]:
    """Refuse files on the command line that cannot be read as a whole, and read configurations.

    Returns:
        Contents of the configurations by their names as given, all values as text.

    Raises:
        ConfigError: A configuration is no UTF-8, no YAML, or no mapping.
        OSError: A file is a pipe or a device, or too large.
    """
    values = [word.partition("=")[2] if word.startswith("-") else word for word in argv]
    for value in filter(None, values):
        if "\0" not in value and _exists(Path(value)) and not Path(value).is_dir():
            check_regular(Path(value))
    return {name: _read(Path(name)) for name in _config_names(argv)}


def explain(text: str, configs: Mapping[str, Any], argv: Sequence[str]) -> str:
    """Say in one line which setting is wrong, in which file, and what was expected.

    Args:
        text: jsonargparse's report.
        configs: What :func:`check_files` returned.
        argv: Words of the command line.
    """
    keys, reasons, value = _parse_report(text)
    if not keys and (not reasons or "parsing config" in text):
        return _named(" ".join(text.split()), configs)
    shown = f" (given: {_shorten(value)})" if value else ""
    reason = ", or ".join(dict.fromkeys(reasons[: 1 if len(keys) > 1 else 3]))
    option = f"--{'.'.join(keys)}"
    unknown = re.match(r"Option '([^']+)' is not accepted", reason)
    path = [*keys, unknown.group(1)] if unknown else keys
    is_typed = any(word.partition("=")[0].replace(".init_args", "") == option for word in argv)
    file = "" if is_typed else next((n for n, c in configs.items() if _holds(c, path)), "")
    return f"{file}{': ' if file else ''}{option + ': ' if keys else ''}{reason}{shown}"


def _parse_report(text: str) -> tuple[list[str], list[str], str]:
    """Names of the nested settings, what was expected of the innermost, and what it was."""
    keys: list[str] = []
    reasons: list[str] = []
    value = ""
    for raw in text.splitlines():
        line = raw.strip().removeprefix("- ")
        key = _KEY.match(line)
        if key and not reasons:
            keys.append(key.group(1))
        elif line.startswith("Given value: ") and not value and "NestedArg" not in line:
            value = line.removeprefix("Given value: ")
        elif line and not key and not line.startswith((*_HEADINGS, *_NO_REASON)):
            reason, _, given = line.partition(". Got value: ")
            reasons.append(_in_words(reason))
            value = value or given
    # What is nested around the setting in question says nothing of it.
    is_around = value.startswith(("{", "[{")) and len(keys) > 1
    return keys, reasons, "" if is_around or "Namespace(" in value else value


def _in_words(reason: str) -> str:
    reason = re.sub(r"Expected a <class '(?:[\w.]*\.)?(\w+)'>", r"expected \1", reason)
    reason = re.sub(r"Expected a typing\.Literal\[([^\]]*)\]", r"expected one of \1", reason)
    return reason.replace("Not a valid subclass of", "expected class_path and init_args of a")


def _shorten(value: str) -> str:
    return value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + " …"


def _named(text: str, configs: Mapping[str, Any]) -> str:
    """``text`` behind the file that it is about, where there is only one."""
    if len(configs) == 1 and "config" in text:
        return f"{next(iter(configs))}: {_shorten(text)}"
    return text


def _holds(config: Any, path: Sequence[str]) -> bool:  # noqa: ANN401 -- any value of YAML
    """Whether a configuration sets what ``path`` names, with or without ``init_args`` between."""
    for key in ".".join(path).split("."):
        if not isinstance(config, Mapping):
            return False
        inner = config.get("init_args")
        found = config if key in config else inner
        if not isinstance(found, Mapping) or key not in found:
            return False
        config = found[key]
    return True


def _config_names(argv: Sequence[str]) -> Iterator[str]:
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        if option in CONFIG_OPTIONS and (name := value if equals else following):
            yield name


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a word that is too long for a name, for example
        return False


def _read(path: Path) -> Any:  # noqa: ANN401 -- any mapping of YAML
    data = read_bytes(path)
    if len(data) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path}: {len(data) / 1e6:.0f} MB are too much for a configuration")
    try:
        text = data.decode("utf-8-sig")
        node = yaml.compose(text, Loader=yaml.BaseLoader)
        if node is None:
            raise ConfigError(f"{path} line 1: the file is empty")
        _check_names(path, node)
        # Values stay text: what they mean is jsonargparse's matter.
        content = yaml.load(text, Loader=yaml.BaseLoader)
        _check_size(content, [MAX_VALUES], MAX_DEPTH)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path} line {line}: not UTF-8 text ({error.reason})") from error
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = text[error.position : error.position + 1]
        raise ConfigError(
            f"{path} line {line}: holds a control character: {character!r}"
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply, or by aliases without end") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: no configuration (expected names with values)")
    if not isinstance(content.get("trainer", {}), dict):
        raise ConfigError(f"{path}: trainer: expected names with values")
    return content


def _check_names(path: Path, root: yaml.Node) -> None:
    """Refuse a name that is given twice: YAML's readers keep one of the two without a word."""
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an alias of what was looked at
            continue
        seen.add(id(node))
        names = set[str]()
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.value in names:
                line = key.start_mark.line + 1
                raise ConfigError(f"{path} line {line}: {key.value}: given twice")
            names.add(str(key.value))
            waiting.append(value)
        waiting.extend(node.value if isinstance(node, yaml.SequenceNode) else ())


def _check_size(value: Any, left: list[int], depth: int) -> None:  # noqa: ANN401 -- any value of YAML
    """Count values, those of aliases as often as they are named."""
    left[0] -= 1
    if depth < 0 or left[0] < 0:
        raise RecursionError
    inner = value.values() if isinstance(value, dict) else value
    for one in inner if isinstance(value, dict | list) else ():
        _check_size(one, left, depth - 1)
