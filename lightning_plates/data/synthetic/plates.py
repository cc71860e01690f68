"""What is written on Costa Rican plates: classes, formats and random texts.

Since 2013 every plate is 300 × 152 mm, "COSTA RICA" above and "CENTROAMÉRICA" below
(Registro Nacional). Cars first registered since 2012 have three letters without vowels and three
digits, older ones a number of up to six digits. Other classes put a code before the number: the
use, and for public transport also the first letter of the province (decree 15203-MOPT).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CONSONANTS = "BCDFGHJKLMNPQRSTVWXYZ"
PROVINCES: tuple[str, ...] = ("SJ", "A", "C", "H", "G", "P", "L")
"""San José, Alajuela, Cartago, Heredia, Guanacaste, Puntarenas, Limón."""

BLUE, RED, BLACK, GREEN = (24, 40, 120), (178, 24, 30), (22, 22, 26), (18, 92, 52)
_CAR_MM, _MOTORCYCLE_MM = (300, 152), (210, 140)


@dataclass(frozen=True, slots=True)
class PlateClass:
    """One kind of plate."""

    name: str
    """What it is for."""
    patterns: tuple[str, ...]
    """Texts with ``@`` for a consonant, ``#`` for a digit and ``|`` for a line break."""
    ink: tuple[int, int, int]
    """Colour of the print, RGB."""
    share: float
    """How often it is drawn, relative to the other classes."""
    size_mm: tuple[int, int] = _CAR_MM
    """Width and height."""

    @property
    def is_motorcycle(self) -> bool:
        """Whether the plate has the size for motorcycles."""
        return self.size_mm == _MOTORCYCLE_MM


PRIVATE = PlateClass("private", ("@@@-###",), BLUE, 50)
CLASSES: tuple[PlateClass, ...] = (
    PRIVATE,
    PlateClass("numeric", ("######", "######", "######", "#####", "####", "###"), BLUE, 18),
    PlateClass("light goods", ("CL-######", "CL-#####"), BLACK, 8),
    PlateClass("heavy goods", ("C-######", "C-#####"), BLACK, 4),
    PlateClass("taxi", tuple(f"T{p}-{d}" for p in PROVINCES for d in ("####", "###")), RED, 5),
    PlateClass("bus", tuple(f"{p}B-{d}" for p in PROVINCES for d in ("#####", "####")), RED, 4),
    PlateClass("special equipment", ("EE-#####",), BLACK, 1),
    PlateClass("diplomatic", ("CD-###", "MI-###", "CC-###"), GREEN, 1),
    PlateClass("motorcycle", ("MOT|######", "M|######", "M|@@@###"), BLUE, 6, _MOTORCYCLE_MM),
)


@dataclass(frozen=True, slots=True)
class Plate:
    """The content of one plate."""

    kind: PlateClass
    """Its class."""
    lines: tuple[str, ...]
    """What is printed, one string a line, with separators."""

    @property
    def text(self) -> str:
        """Characters without separators, e.g. ``"BCR123"``."""
        return "".join(self.lines).replace("-", "").replace(" ", "")


def random_plate(rng: np.random.Generator, classes: tuple[PlateClass, ...] = CLASSES) -> Plate:
    """Draw a class by its share and a text in its format.

    Args:
        rng: Source of every choice.
        classes: Classes to choose from.
    """
    shares = np.array([kind.share for kind in classes], float)
    kind = classes[int(rng.choice(len(classes), p=shares / shares.sum()))]
    pattern = kind.patterns[int(rng.integers(len(kind.patterns)))]
    return Plate(kind, tuple(_fill(rng, line) for line in pattern.split("|")))


def _fill(rng: np.random.Generator, pattern: str) -> str:
    text = ""
    for symbol in pattern:
        if symbol == "@":
            text += CONSONANTS[int(rng.integers(len(CONSONANTS)))]
        elif symbol == "#":
            # A plain number has no leading zero; the three digits after letters may have one.
            is_leading = "#" in pattern and "@" not in pattern and not text[-1:].isdigit()
            text += str(int(rng.integers(1 if is_leading else 0, 10)))
        else:
            text += symbol
    return text
