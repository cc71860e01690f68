"""Open Images' CSV: ``ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,…``, shares of 1.

Photos are named without their ending. Classes are numbers of Freebase (``/m/01jfm_``); their names
come from ``class-descriptions-boxable.csv`` beside the file, where it is there. A box around a
group (``IsGroupOf``) is no box of one plate. It is read, not written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from lightning_plates.data.annotations.label_text import (
    LabelText,
    csv_cells,
    csv_header,
    parse_number,
    read_csv,
    read_label_text,
)
from lightning_plates.data.annotations.record import BoxRecord
from lightning_plates.data.annotations.rows import Entry, LabelRow, Problem

TITLE = "Open Images CSV"
FILE_PER_PHOTO = False

_SIDES = ("XMin", "YMin", "XMax", "YMax")
_COLUMNS = ("ImageID", "LabelName", *_SIDES)
_PLATE = {"/m/01jfm_": "Vehicle registration plate"}
_DESCRIPTIONS = "*class-descriptions*.csv"


def sniff(text: str) -> bool:
    """Say whether ``text`` is the content of such a file."""
    columns = csv_header(text)
    return "ImageID" in columns and not columns.isdisjoint(_SIDES)


def read(label: LabelText) -> Iterator[Entry]:
    """Yield the entries of a file; see :func:`label_text.read_csv` for what it raises."""
    names = _class_names(label.path.parent)
    for line, row in read_csv(label, _COLUMNS):
        where, photo = label.at(line), row["ImageID"]
        name = names.get(row["LabelName"], row["LabelName"]) or "plate"
        try:
            if row.get("IsGroupOf", "").strip() in {"1", "1.0"}:
                raise ValueError(f"{photo}: several in one box (IsGroupOf); label each of them")
            x1, y1, x2, y2 = (parse_number(row, side) for side in _SIDES)
        except ValueError as error:
            yield Problem(where, str(error), photo, label=name)
        else:
            yield LabelRow(where, photo, BoxRecord(x1, y1, x2, y2, name), normalised=True)


def _class_names(folder: Path) -> Mapping[str, str]:
    """Class names by number."""
    lines = [
        csv_cells(line)
        for file in sorted(folder.glob(_DESCRIPTIONS))
        for line in read_label_text(file).text.splitlines()
    ]
    return _PLATE | {cells[0]: cells[1] for cells in lines if len(cells) == 2}
