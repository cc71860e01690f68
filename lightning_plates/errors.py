"""The errors that lightning-plates raises on purpose.

::

    PlatesError                    anything below; the command line prints it as one line
    ├── InputError                 what the user gave cannot be used: a file, a value, a folder
    │   ├── PhotoError             a photo cannot be decoded
    │   ├── VideoError             a video, camera or stream cannot be opened or was lost
    │   ├── AnnotationError        a label file cannot be understood
    │   ├── ConfigError            a configuration or rule file contradicts itself
    │   └── SpecError              a model's spec is missing, unknown or contradicts its graph
    ├── OutputError                a result cannot be written
    ├── MissingDependencyError     an optional package is not installed
    ├── ModelError                 a model file cannot be opened or run
    ├── TrainingError              a training run's numbers are no longer finite
    ├── StepError                  a command that another command started has failed
    └── ConversionError            a model could not be converted
        └── ParityError            the converted model answers differently from its source

A message names the thing, the value and the way out, on one line:
``labels/007.txt line 3: expected 5 numbers, got 4``.
"""

from __future__ import annotations


class PlatesError(Exception):
    """Base of every error raised on purpose; its text is one line for the user."""

    exit_code = 2
    """Exit status of the command line when this error ends a command."""


class InputError(PlatesError):
    """What the user gave cannot be used."""


class PhotoError(InputError):
    """A photo cannot be decoded."""


class VideoError(InputError):
    """A video, camera or network stream cannot be opened, or was lost."""


class AnnotationError(InputError):
    """A label file cannot be understood."""


class ConfigError(InputError):
    """A configuration or rule file contradicts itself."""


class SpecError(InputError):
    """A model's spec is missing, unknown or contradicts its graph."""


class OutputError(PlatesError):
    """A result cannot be written."""


class MissingDependencyError(PlatesError, ImportError):
    """An optional package is not installed."""


class ModelError(PlatesError):
    """A model file cannot be opened or run."""


class TrainingError(PlatesError):
    """A training run's numbers are no longer finite; going on would only keep them so."""


class StepError(PlatesError):
    """A command that another command started has failed; its own message stands above."""


class ConversionError(PlatesError):
    """A model could not be converted."""


class ParityError(ConversionError):
    """The converted model answers differently from its source."""


LONGEST_LINE = 1000
"""Characters of a message; what it quotes of a file may have thousands."""
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 9}
"""What a terminal would obey instead of showing it, such as the escape character."""


def one_line(text: str) -> str:
    """``text`` as a terminal may show it: one line, shortened in its middle, no control characters.

    What messages quote comes from files of others.
    """
    parts = (part.strip() for part in text.splitlines())
    line = " ".join(part for part in parts if part).translate(_CONTROLS)
    if len(line) <= LONGEST_LINE:
        return line
    half = LONGEST_LINE // 2
    return f"{line[:half]} … {line[-half:]}"


def reason_without_name(error: PlatesError, name: object) -> str:
    """What ``error`` says after ``name: ``, on one line, for where the name stands beside it."""
    return one_line(str(error).removeprefix(f"{name}: "))
