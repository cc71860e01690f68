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


def reason_without_name(error: PlatesError, name: object) -> str:
    """What ``error`` says after ``name: ``, on one line, for where the name stands beside it."""
    return " ".join(str(error).removeprefix(f"{name}: ").split())
