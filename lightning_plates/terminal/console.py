"""How a program of this project ends: a result, or one line that says what failed."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from lightning_plates.errors import PlatesError, one_line
from lightning_plates.languages import ENGLISH_NAME, speak, translated
from lightning_plates.optional import explain_missing
from lightning_plates.terminal.text_streams import (
    accept_any_text,
    refuse_null_bytes,
    replace_closed_streams,
)

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells report it (128 + SIGINT)."""

TERMINATED = 143
"""Exit status after SIGTERM, as shells report it (128 + SIGTERM)."""

UNREADABLE_EXIT_CODE = 3
"""Exit status when a part of the input could not be read; the rest was answered."""


class Terminated(KeyboardInterrupt):
    """SIGTERM asked the program to end: the same orderly end as after Ctrl-C."""


def run_reporting(command: Callable[[list[str]], int], argv: list[str]) -> int:
    """Run ``command``; an expected failure becomes one line on standard error.

    Args:
        command: Takes the words of the command line, returns the exit status.
        argv: Those words.

    Returns:
        The exit status; that of the error where one was reported.
    """
    accept_any_text()
    speak(ENGLISH_NAME)
    try:
        with _sigterm_raised():
            return _run_and_flush(command, argv)
    except PlatesError as error:
        return report_failure(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        missing = explain_missing(error)
        if missing is None:
            raise
        return report_failure(str(missing), missing.exit_code)
    except KeyboardInterrupt as error:
        return report_interruption(error, "what was finished is kept")
    except BrokenPipeError:
        # The reader of our output went away (`… | head`); nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return report_failure(describe_os_error(error), 2)
    except UnicodeEncodeError as error:
        return report_failure(_describe_odd_name(error), 2)


def _run_and_flush(command: Callable[[list[str]], int], argv: list[str]) -> int:
    """What waits in the buffer may find its reader gone; at exit that would be a traceback."""
    replace_closed_streams()
    refuse_null_bytes(argv)
    try:
        return command(argv)
    finally:
        print(end="", flush=True)


def _describe_odd_name(error: UnicodeEncodeError) -> str:
    """Texts that a file holds come from files in UTF-8; only names may be anything."""
    near = error.object[max(0, error.start - 40) : error.end + 40]
    return (
        f"a name that is not UTF-8 cannot be written to this file ({near!r}); "
        "rename it, or let `data import` copy the set"
    )


@contextlib.contextmanager
def _sigterm_raised() -> Iterator[None]:
    """Raise :class:`Terminated` at SIGTERM, where nobody else decided what it does."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _raise_terminated(_number: int, _frame: FrameType | None) -> None:
    # A supervisor that asks again must not cut short what the first time began.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


def report_interruption(error: KeyboardInterrupt, consequence: str) -> int:
    """Say in one line that Ctrl-C or SIGTERM ended the command; return the exit status.

    Args:
        error: What ended it.
        consequence: What became of its work.
    """
    is_terminated = isinstance(error, Terminated)
    word, status = ("terminated", TERMINATED) if is_terminated else ("interrupted", INTERRUPTED)
    return report_failure(f"{word}; {consequence}", status)


def report_failure(message: str, status: int) -> int:
    """Print ``message`` as one line on standard error and return ``status``.

    It is said in the language of the command.
    """
    print(f"error: {translated(one_line(message))}", file=sys.stderr)
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
