"""Label files as other tools write them, for a few photos of one size."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

from lightning_plates.data.annotations.record import BoxRecord

Boxes = Mapping[str, Sequence[BoxRecord]]
"""Boxes by photo."""
SIZE = (96, 64)
"""Width and height of every photo, as :func:`make_photo_set` makes them."""


def write_cvat(folder: Path, photos: Boxes) -> Path:
    images = "".join(
        f"<image id='{number}' name={quoteattr(file)} width='96' height='64'>"
        + "".join(
            f"<box label={quoteattr(b.label)} xtl='{b.x1!r}' ytl='{b.y1!r}' xbr='{b.x2!r}' "
            f"ybr='{b.y2!r}'><attribute name='text'>{b.text}</attribute></box>"
            for b in boxes
        )
        + "</image>"
        for number, (file, boxes) in enumerate(photos.items())
    )
    return _put(
        folder / "annotations.xml", f"<annotations><version>1.1</version>{images}</annotations>"
    )


def write_label_studio(folder: Path, photos: Boxes) -> Path:
    tasks = [
        {
            "id": number,
            "data": {"image": f"/data/upload/1/0f6142f0-{file}"},
            "annotations": [{"result": [_studio_result(box) for box in boxes]}],
        }
        for number, (file, boxes) in enumerate(photos.items())
    ]
    return _put(folder / "export.json", json.dumps(tasks))


def write_label_studio_min(folder: Path, photos: Boxes) -> Path:
    tasks = [
        {
            "id": number,
            "image": f"/data/upload/1/0f6142f0-{file}",
            "annotation_id": number,
            "label": [_studio_value(box) | _studio_size() for box in boxes],
        }
        for number, (file, boxes) in enumerate(photos.items())
    ]
    return _put(folder / "min.json", json.dumps(tasks))


def write_labelme(folder: Path, photos: Boxes) -> Path:
    for file, boxes in photos.items():
        shapes = [
            {"label": b.label, "points": [[b.x2, b.y1], [b.x1, b.y2]], "shape_type": "rectangle"}
            for b in boxes
        ]
        content = {"shapes": shapes, "imagePath": file, "imageWidth": 96, "imageHeight": 64}
        _put(folder / Path(file).with_suffix(".json"), json.dumps(content))
    return folder


def write_supervisely(folder: Path, photos: Boxes) -> Path:
    for file, boxes in photos.items():
        objects = [
            {
                "geometryType": "rectangle",
                "classTitle": b.label,
                "tags": [{"name": "text", "value": b.text}] if b.text else [],
                "points": {"exterior": [[b.x1, b.y1], [b.x2, b.y2]], "interior": []},
            }
            for b in boxes
        ]
        content = {"size": {"width": 96, "height": 64}, "tags": [], "objects": objects}
        _put(folder / "ds0" / "ann" / f"{file}.json", json.dumps(content))
    return folder / "ds0"


def write_via(folder: Path, photos: Boxes) -> Path:
    content = {
        f"{file}1000": {
            "filename": file,
            "size": 1000,
            "regions": [
                {"shape_attributes": _via_shape(b), "region_attributes": _via_attributes(b)}
                for b in boxes
            ],
        }
        for file, boxes in photos.items()
    }
    return _put(folder / "via.json", json.dumps(content))


def write_via_csv(folder: Path, photos: Boxes) -> Path:
    rows = [
        [file, 1000, "{}", len(boxes), number, json.dumps(shape), json.dumps(attributes)]
        for file, boxes in photos.items()
        for number, (shape, attributes) in enumerate(
            [(_via_shape(b), _via_attributes(b)) for b in boxes] or [({}, {})]
        )
    ]
    head = "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,"
    return _put(folder / "via.csv", head + "region_attributes\n" + _csv(rows))


def write_open_images(folder: Path, photos: Boxes) -> Path:
    rows = [
        [Path(file).stem, "xclick", b.label, 1, b.x1 / 96, b.x2 / 96, b.y1 / 64, b.y2 / 64, 0]
        for file, boxes in photos.items()
        for b in boxes
    ]
    head = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsGroupOf\n"
    return _put(folder / "annotations-bbox.csv", head + _csv(rows))


def write_tensorflow(folder: Path, photos: Boxes) -> Path:
    rows = [
        [file, 96, 64, b.label, b.x1, b.y1, b.x2, b.y2]
        for file, boxes in photos.items()
        for b in boxes
    ]
    head = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    return _put(folder / "_annotations.csv", head + _csv(rows))


EXPORTS: Mapping[str, Callable[[Path, Boxes], Path]] = {
    "cvat_xml": write_cvat,
    "label_studio_json": write_label_studio,
    "label_studio_min": write_label_studio_min,
    "labelme_json": write_labelme,
    "supervisely_json": write_supervisely,
    "via_json": write_via,
    "via_csv": write_via_csv,
    "open_images_csv": write_open_images,
    "tensorflow_csv": write_tensorflow,
}
"""Writers of label files; they give what ``data import`` is pointed at."""


def _put(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def _csv(rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def _studio_value(box: BoxRecord) -> dict[str, object]:
    return {
        "x": box.x1 / 96 * 100,
        "y": box.y1 / 64 * 100,
        "width": (box.x2 - box.x1) / 96 * 100,
        "height": (box.y2 - box.y1) / 64 * 100,
        "rotation": 0,
        "rectanglelabels": [box.label],
        "text": [box.text],
    }


def _studio_size() -> dict[str, object]:
    return {"original_width": 96, "original_height": 64}


def _studio_result(box: BoxRecord) -> dict[str, object]:
    return {"type": "rectanglelabels", "value": _studio_value(box), **_studio_size()}


def _via_shape(box: BoxRecord) -> dict[str, object]:
    sides = {"width": box.x2 - box.x1, "height": box.y2 - box.y1}
    return {"name": "rect", "x": box.x1, "y": box.y1, **sides}


def _via_attributes(box: BoxRecord) -> dict[str, object]:
    return {"text": box.text, "type": box.label}
