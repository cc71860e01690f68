"""``python -m lightning_plates COMMAND``."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from lightning_plates.cli._dispatch import dispatch
from lightning_plates.errors import PlatesError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells report it (128 + SIGINT)."""


def main(argv: list[str] | None = None) -> int:
    """Run one command; expected failures become one line on standard error.

    Args:
        argv: Words of the command line after the program's name; ``None`` takes ``sys.argv``.

    Returns:
        The exit status.
    """
    words = sys.argv[1:] if argv is None else argv
    folder = Path(__file__).parent / "cli"
    try:
        return dispatch("lightning_plates.cli", folder, words, "python -m lightning_plates")
    except PlatesError as error:
        return report_failure(str(error), error.exit_code)
    except KeyboardInterrupt:
        return report_failure("interrupted; what was finished is kept", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away (`… | head`); nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return report_failure(describe_os_error(error), 2)


def report_failure(message: str, status: int) -> int:
    """Print ``message`` as one line on standard error and return ``status``."""
    print("error: " + " ".join(message.split()), file=sys.stderr)
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


if __name__ == "__main__":
    sys.exit(main())
