"""Finds the commands by listing a folder and imports only the one that was chosen."""

from __future__ import annotations

import ast
import difflib
import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

SPEAKS_ENGLISH = "This command speaks English only; `read` speaks Spanish, too (--lang es)."
"""What the help of every command ends with that has no ``SPOKEN_LANGUAGES``."""
MOSTLY_ENGLISH = "The commands speak English; `read` speaks Spanish, too (--lang es)."


def list_commands(folder: Path) -> dict[str, str]:
    """Names of the commands in ``folder`` with their one-line descriptions.

    A command is a module or package whose name does not begin with ``_``; its description is the
    first line of its docstring, read without importing it. A trailing ``_`` (``import_.py``)
    keeps a Python keyword usable as a command's name.
    """
    files = [*folder.glob("[!_]*.py"), *folder.glob("[!_]*/__init__.py")]
    names = [file.parent.name if file.name == "__init__.py" else file.stem for file in files]
    descriptions = [_first_docstring_line(file) for file in files]
    commands = [name.rstrip("_").replace("_", "-") for name in names]
    return dict(sorted(zip(commands, descriptions, strict=True)))


def dispatch(package: str, folder: Path, argv: list[str], prog: str) -> int:
    """Run the command that ``argv`` names.

    Args:
        package: Dotted name of the package that holds the commands.
        folder: Folder of that package.
        argv: Words of the command line, the command's name first.
        prog: What the user typed before the command, for the help text.

    Returns:
        The exit status.
    """
    commands = list_commands(folder)
    if not argv or argv[0] in {"-h", "--help"}:
        print(_help_text(package, commands, prog))
        return 0 if argv else 2
    name = argv[0]
    if name not in commands:
        print(f"error: {_unknown(name, commands, prog)}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"{package}.{_module_name(name, folder)}")
    try:
        status: int = module.main(argv[1:])
    except SystemExit:
        is_group = hasattr(module, "__path__")  # whose own commands have said it
        is_spanish = hasattr(module, "SPOKEN_LANGUAGES")
        if {"-h", "--help"} & set(argv) and not is_group and not is_spanish:
            print(f"\n{SPEAKS_ENGLISH}")
        raise
    return status


def _unknown(name: str, commands: Iterable[str], prog: str) -> str:
    close = difflib.get_close_matches(name, commands, n=1)
    if close:
        return f"unknown command {name!r}; did you mean: {prog} {close[0]}"
    return f"unknown command {name!r} (choose from: {', '.join(commands)})"


def _module_name(command: str, folder: Path) -> str:
    stem = command.replace("-", "_")
    return f"{stem}_" if (folder / f"{stem}_.py").exists() else stem


def _first_docstring_line(file: Path) -> str:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def _help_text(package: str, commands: dict[str, str], prog: str) -> str:
    docstring = importlib.import_module(package).__doc__ or ""
    width = max(len(name) for name in commands) + 2
    lines = [f"  {name:<{width}}{text}" for name, text in commands.items()]
    usage = f"usage: {prog} COMMAND …   ({prog} COMMAND --help explains one)"
    return "\n".join([usage, "", docstring.strip(), MOSTLY_ENGLISH, "", "commands:", *lines])
