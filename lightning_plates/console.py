"""How a program of this project ends: a result, or one line that says what failed."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

from lightning_plates.errors import PlatesError, one_line
from lightning_plates.optional import explain_missing
from lightning_plates.text_streams import accept_any_text

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells report it (128 + SIGINT)."""

UNREADABLE_EXIT_CODE = 3
"""Exit status when a part of the input could not be read; the rest was answered."""


def run_reporting(command: Callable[[list[str]], int], argv: list[str]) -> int:
    """Run ``command``; an expected failure becomes one line on standard error.

    Args:
        command: Takes the words of the command line, returns the exit status.
        argv: Those words.

    Returns:
        The exit status; that of the error where one was reported.
    """
    accept_any_text()
    try:
        return _run_and_flush(command, argv)
    except PlatesError as error:
        return report_failure(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        missing = explain_missing(error)
        if missing is None:
            raise
        return report_failure(str(missing), missing.exit_code)
    except KeyboardInterrupt:
        return report_failure("interrupted; what was finished is kept", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`… | head`); nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return report_failure(describe_os_error(error), 2)


def _run_and_flush(command: Callable[[list[str]], int], argv: list[str]) -> int:
    """What waits in the buffer may find its reader gone; at exit that would be a traceback."""
    try:
        return command(argv)
    finally:
        print(end="", flush=True)


def report_failure(message: str, status: int) -> int:
    """Print ``message`` as one line on standard error and return ``status``."""
    print(f"error: {one_line(message)}", file=sys.stderr)
    return status


def describe_os_error(error: OSError) -> str:
    """Say in one line which file failed, why, and what to do about a full or read-only disk."""
    advice = {
        errno.ENOSPC: "; free some space and run the command again",
        errno.EROFS: "; choose another output folder",
        errno.EACCES: "; check the permissions or choose another folder",
    }.get(error.errno or 0, "")
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}{advice}"
