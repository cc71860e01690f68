"""What a video or stream has to say about itself, in Spanish and English."""

from __future__ import annotations

from dataclasses import dataclass

from lightning_plates import photo_phrases
from lightning_plates.languages import in_language


@dataclass(frozen=True, slots=True)
class StreamPhrases:
    """The words of one language; the parts in braces are filled in where they are used."""

    missing_file: str
    not_a_video: str
    not_regular: str
    no_permission: str
    unreadable: str
    empty: str
    ends_empty: str
    no_frames: str
    no_clock: str
    damaged: str
    undecodable: str
    lost_packets: str
    cut: str
    no_camera: str
    silent: str
    lost: str
    still_lost: str
    back: str
    gave_up: str
    stopped: str
    vehicle: str


SPANISH = StreamPhrases(
    missing_file=photo_phrases.SPANISH.missing,
    not_a_video="{name}: no es un video que se pueda leer (dañado, cortado antes de su índice, o "
    "solo sonido)",
    not_regular="{name}: no es un archivo normal (una tubería, un dispositivo o un socket)",
    no_permission=photo_phrases.SPANISH.no_permission,
    unreadable=photo_phrases.SPANISH.unreadable,
    empty="{name}: el archivo está vacío",
    ends_empty="{name}: no es un video que se pueda leer: termina en ceros (quedó sin terminar, o "
    "es un archivo disperso)",
    no_frames="{name}: el video no contiene ningún cuadro legible",
    no_clock="{name}: no lleva marcas de tiempo; los tiempos suponen {fps:g} cuadros por segundo",
    damaged="{name}: video dañado o cortado ({problems}); se responde con lo que se pudo leer",
    undecodable="cuadros que no se pueden decodificar: {count}",
    lost_packets="se perdieron paquetes de la transmisión",
    cut="le faltan {missing} bytes al final, después del cuadro {frames}",
    no_camera="{name}: ninguna cámara responde a ese número; compruebe que esté conectada",
    silent="{name}: no responde o no envía imágenes (espera máxima: {seconds:g} s); compruebe la "
    "dirección, la red y la contraseña",
    lost="{name}: se perdió la señal; nuevo intento en {seconds:g} s ({attempt} de {attempts})",
    still_lost="{name}: sigue sin señal; nuevo intento en {seconds:g} s ({attempt} de {attempts})",
    back="{name}: la señal volvió después de {seconds:.0f} s",
    gave_up="{name}: se perdió la señal y no volvió (intentos: {attempts})",
    stopped="{name}: detenido; se entrega lo leído hasta ahora",
    vehicle="cuadros que coinciden: {agreeing} de {frames} · {first}–{last}",
)

ENGLISH = StreamPhrases(
    missing_file=photo_phrases.ENGLISH.missing,
    not_a_video="{name}: not a video that can be read (damaged, cut before its index, or sound "
    "alone)",
    not_regular="{name}: not a regular file (a pipe, device or socket)",
    no_permission=photo_phrases.ENGLISH.no_permission,
    unreadable=photo_phrases.ENGLISH.unreadable,
    empty="{name}: the file is empty",
    ends_empty="{name}: not a video that can be read: it ends in zeros (never finished, or a "
    "sparse file)",
    no_frames="{name}: the video holds no frame that can be read",
    no_clock="{name}: carries no time stamps; times assume {fps:g} frames a second",
    damaged="{name}: damaged or cut video ({problems}); what could be read is answered",
    undecodable="frames that cannot be decoded: {count}",
    lost_packets="packets of the transmission were lost",
    cut="{missing} bytes are missing at its end, after frame {frames}",
    no_camera="{name}: no camera answers at that index; check that it is connected",
    silent="{name}: does not answer or sends no picture (longest wait: {seconds:g} s); check the "
    "address, the network and the password",
    lost="{name}: signal lost; trying again in {seconds:g} s ({attempt} of {attempts})",
    still_lost="{name}: still no signal; trying again in {seconds:g} s ({attempt} of {attempts})",
    back="{name}: the signal is back after {seconds:.0f} s",
    gave_up="{name}: signal lost, and it did not come back (attempts: {attempts})",
    stopped="{name}: stopped; what was read so far is answered",
    vehicle="frames that agree: {agreeing} of {frames} · {first}–{last}",
)

LANGUAGES = {"es": SPANISH, "en": ENGLISH}
"""Every language by the name that ``--lang`` takes."""


def stream_phrases_of(language: str) -> StreamPhrases:
    """The words of ``language``.

    Raises:
        InputError: It is not spoken here.
    """
    return in_language(LANGUAGES, language)
