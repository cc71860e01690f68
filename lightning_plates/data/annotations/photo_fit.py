"""Makes labels refer to the photo as it is decoded: upright, in its own pixels."""

from __future__ import annotations

from dataclasses import replace

from lightning_plates.data.annotations.record import (
    AnnotationSet,
    BoxRecord,
    Corners,
    PhotoRecord,
    Point,
)
from lightning_plates.errors import AnnotationError, PhotoError, PlatesError
from lightning_plates.photos import PhotoHeader, read_header

ASPECT_TOLERANCE = 0.01
"""A photo of another size than labelled is a scaled copy if its aspect ratio agrees this well."""


def fit_to_photos(annotations: AnnotationSet) -> AnnotationSet:
    """Make all labels of a set refer to its photos as they are decoded; only headers are read.

    A photo that cannot be read stays as it is: whoever decodes it says so.

    Raises:
        AnnotationError: A photo's labelled size is not that of the photo.
    """
    return replace(annotations, photos=tuple(_fit(annotations, p) for p in annotations.photos))


def _fit(annotations: AnnotationSet, photo: PhotoRecord) -> PhotoRecord:
    path = annotations.path_of(photo)
    try:
        return fit_boxes(photo, read_header(path))
    except PhotoError:
        return photo
    except PlatesError as error:
        raise AnnotationError(f"{path}: {error}") from error


def fit_boxes(photo: PhotoRecord, header: PhotoHeader) -> PhotoRecord:
    """Make the labels of a photo refer to the upright photo, in its own pixels.

    Labels refer to the upright photo, as most tools show it, unless their size is that of the
    photo before its EXIF rotation: then the boxes are turned with it. (A square photo and one that
    stands on its head have the same size either way; their labels count as upright.) Where the
    labelled size is another one of the same aspect ratio, the boxes are scaled; so they are where
    the photo is decoded at a smaller size.

    Raises:
        PlatesError: The labelled size fits neither.
    """
    labelled, upright = (photo.width, photo.height), header.upright_size
    if labelled != upright and labelled == (header.width, header.height):
        boxes = tuple(_turned(box, header) for box in photo.boxes)
        turned = replace(photo, width=upright[0], height=upright[1], boxes=boxes)
        return resize_record(turned, *header.decoded_size)
    aspect = photo.width / photo.height * upright[1] / upright[0]
    if abs(aspect - 1) > ASPECT_TOLERANCE:
        raise PlatesError(
            f"labelled as {photo.width} x {photo.height}, but is {upright[0]} x {upright[1]}"
        )
    return resize_record(photo, *header.decoded_size)


def resize_record(photo: PhotoRecord, width: int, height: int) -> PhotoRecord:
    """The same labels for the photo scaled to ``width`` × ``height`` pixels."""
    if (width, height) == (photo.width, photo.height):
        return photo
    scale = (width / photo.width, height / photo.height)
    boxes = tuple(box.scaled(*scale) for box in photo.boxes)
    return replace(photo, width=width, height=height, boxes=boxes)


def turn_point(point: Point, header: PhotoHeader) -> Point:
    """Where a point of the stored photo lies once its EXIF orientation is applied."""
    (x, y), width, height = point, header.width, header.height
    return {
        1: (x, y),
        2: (width - x, y),
        3: (width - x, height - y),
        4: (x, height - y),
        5: (y, x),
        6: (height - y, x),
        7: (height - y, width - x),
        8: (y, width - x),
    }[header.orientation]


def _turned(box: BoxRecord, header: PhotoHeader) -> BoxRecord:
    (ax, ay), (bx, by) = (turn_point(p, header) for p in ((box.x1, box.y1), (box.x2, box.y2)))
    corners: Corners | None = None
    if box.corners:
        tl, tr, br, bl = (turn_point(point, header) for point in box.corners)
        corners = (tl, tr, br, bl)
    return replace(
        box,
        x1=min(ax, bx),
        y1=min(ay, by),
        x2=max(ax, bx),
        y2=max(ay, by),
        corners=corners,
    )
