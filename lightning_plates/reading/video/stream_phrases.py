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
    no_frames: str
    cut_short: str
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
    not_a_video="{name}: no es un video que se pueda leer (dañado, o cortado antes de su índice)",
    no_frames="{name}: el video no contiene ningún cuadro legible",
    cut_short="{name}: el video termina en el cuadro {found} de {declared} (dañado o cortado); "
    "se responde con lo leído hasta ahí",
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
    not_a_video="{name}: not a video that can be read (damaged, or cut before its index)",
    no_frames="{name}: the video holds no frame that can be read",
    cut_short="{name}: the video ends at frame {found} of {declared} (damaged or cut); "
    "what came before is answered",
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
