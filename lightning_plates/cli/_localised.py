"""A parser of arguments whose words are those of the operator's language."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import NoReturn

from lightning_plates.errors import InputError
from lightning_plates.languages import locale_language, speak, translated
from lightning_plates.reading.sentences import LANGUAGES


class LocalisedParser(argparse.ArgumentParser):
    """Says what is wrong in one line and shows its help in the language of the command."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with an argument.

        Raises:
            InputError: Always.
        """
        raise InputError(message)

    def format_help(self) -> str:
        """The help text, its headings and options translated."""
        self.description = self.description and translated(self.description)
        for group in self._action_groups:
            group.title = group.title and translated(group.title)
        for action in self._actions:
            action.help = action.help and translated(action.help)
            if isinstance(action.metavar, str):
                action.metavar = translated(action.metavar)
        return super().format_help().replace("usage: ", translated("usage: "), 1)


def choose_language(argv: Sequence[str]) -> str:
    """Speak the language that ``--lang`` names, or else that of the locale; return its name.

    It is known before the other arguments are, so that what is wrong with them is said in it.
    """
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--lang")
    try:
        named = parser.parse_known_args(argv)[0].lang
    except argparse.ArgumentError:  # --lang without its value, which the whole parser says
        named = None
    language = named if named in LANGUAGES else locale_language(os.environ)
    speak(language)
    return language
