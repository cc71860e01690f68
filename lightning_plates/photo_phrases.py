"""What is wrong with a photo that was named, in Spanish and English."""

from __future__ import annotations

from dataclasses import dataclass

from lightning_plates.languages import in_language


@dataclass(frozen=True, slots=True)
class PhotoPhrases:
    """The words of one language; the parts in braces are filled in where they are used."""

    missing: str
    not_a_file: str
    no_permission: str
    unreadable: str
    not_regular: str
    too_large: str
    not_a_photo: str
    too_many_pixels: str
    damaged: str
    incomplete: str
    mostly_missing: str
    empty: str
    not_a_folder: str
    no_photos: str
    left_out: str
    no_match: str
    skipped: str
    own_pictures: str


SPANISH = PhotoPhrases(
    missing="{name}: no existe ningún archivo o carpeta con ese nombre",
    not_a_file="{name}: es una carpeta, no una foto",
    no_permission="{name}: no hay permiso para leerlo",
    unreadable="{name}: no se puede leer ({reason})",
    not_regular="{name}: no es un archivo normal (una tubería, un dispositivo o un socket)",
    too_large="{name}: {size} MB, más que el límite de {limit} MB; se cambia con --max-file-mb",
    not_a_photo="{name}: no es una foto en un formato que se pueda leer",
    too_many_pixels="{name}: tiene más de {limit} millones de píxeles (JPEG: {jpeg}); se rechaza "
    "como bomba de descompresión",
    damaged="{name}: foto dañada ({reason})",
    incomplete="aviso: {name}: le falta el final ({share} de las filas); se lee lo que hay",
    mostly_missing="falta el {share} de las filas",
    empty="el archivo está vacío",
    not_a_folder="{name}: no es una carpeta",
    no_photos="{name}: no hay fotos en esta carpeta (se buscaron {known})",
    left_out="{name}: archivos que no se leen por no ser fotos en un formato conocido: {count} "
    "({endings})",
    no_match="{name}: ningún archivo coincide con este patrón",
    skipped="omitida: {problem}",
    own_pictures="{folders}: imágenes de una ejecución anterior, que no se leen: {count}",
)

ENGLISH = PhotoPhrases(
    missing="{name}: no such file or folder",
    not_a_file="{name}: is a folder, not a photo",
    no_permission="{name}: no permission to read it",
    unreadable="{name}: cannot be read ({reason})",
    not_regular="{name}: not a regular file (a pipe, device or socket)",
    too_large="{name}: {size} MB, more than the limit of {limit} MB; raise it with --max-file-mb",
    not_a_photo="{name}: not a photo in a format that can be read",
    too_many_pixels="{name}: more than {limit} million pixels (JPEG: {jpeg}); refused as a "
    "decompression bomb",
    damaged="{name}: damaged photo ({reason})",
    incomplete="warning: {name}: its end is missing ({share} of the rows); read as far as it goes",
    mostly_missing="{share} of its rows are missing",
    empty="the file is empty",
    not_a_folder="{name}: not a folder",
    no_photos="{name}: no photos in this folder (looked for {known})",
    left_out="{name}: files left out because they are no photos in a known format: {count} "
    "({endings})",
    no_match="{name}: no file matches this pattern",
    skipped="skipped: {problem}",
    own_pictures="{folders}: pictures of an earlier run, which are not read: {count}",
)

LANGUAGES = {"es": SPANISH, "en": ENGLISH}
"""Every language by the name that ``--lang`` takes."""


def photo_phrases_of(language: str) -> PhotoPhrases:
    """The words of ``language``.

    Raises:
        InputError: It is not spoken here.
    """
    return in_language(LANGUAGES, language)
