"""The front door: what programs import, and what the command line, the service and scripts call.

::

    from lightning_plates import PlateReader

    reading = PlateReader.open().read("photo.jpg")
    reading.plates[0].text, reading.plates[0].last_digit, reading.plates[0].restriction

Nothing else composes a reader. torch is not imported.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lightning_plates.boxes import Detection
from lightning_plates.clock import Stopwatch
from lightning_plates.data.workers import core_count
from lightning_plates.errors import (
    MissingDependencyError,
    PhotoError,
    reason_without_name,
)
from lightning_plates.finding.refine import DEFAULT_LOOKS, locate
from lightning_plates.finding.shipped import default_model
from lightning_plates.photo_phrases import ENGLISH, PhotoPhrases
from lightning_plates.photos import Photo, RgbImage, decode_photo, open_photo, photo_of
from lightning_plates.reading import pipeline
from lightning_plates.reading.answers import Reading, Vehicle
from lightning_plates.reading.calibration import load_calibration
from lightning_plates.reading.many import map_ahead
from lightning_plates.reading.ocr import open_engine
from lightning_plates.reading.rules.formats import (
    load_country_titles,
    load_formats,
    load_printed_words,
)
from lightning_plates.reading.rules.schedules import NO_RULES, load_calendar
from lightning_plates.reading.video.capture import Timeouts, VideoAddress, is_live
from lightning_plates.reading.video.stream import StreamOptions, frames_of
from lightning_plates.reading.video.tracking import PlateTracker
from lightning_plates.reading.video.video import VideoReader, frame_rules
from runtimes import Runtime, open_model

if TYPE_CHECKING:
    from conversion._base import Artefact

PhotoLike: TypeAlias = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8]
"""A photo: a path, the bytes of a file, a Pillow image, or RGB pixels of shape ``(H, W, 3)``."""

DEFAULT_COUNTRY = "costa_rica"
DEFAULT_RULES = "costa_rica"
DEFAULT_ENGINE = "rapidocr"
"""The text engine that measures best on the calibration crops; see docs/reading_notes.md."""


@dataclass(frozen=True, slots=True)
class ReaderOptions:
    """How plates are read and judged; the defaults are those of the command line."""

    country: str = DEFAULT_COUNTRY
    """Plate formats by name, several with commas between; ``"any"`` for none."""
    rules: str = DEFAULT_RULES
    """Restriction rules by name, or the path of a rule file; ``"none"`` judges nothing."""
    engine: str = DEFAULT_ENGINE
    """Text engine: a file of ``reading/ocr``."""
    refine: int = DEFAULT_LOOKS
    """Passes of the finder over every plate, at most; 1 or more."""
    min_confidence: float | None = None
    """Calibrated confidence, 0–1, below which a last digit is unsure; ``None``: as calibrated."""
    digits_only: bool = False
    """Keep the last digit alone; the text is never assembled."""
    any_format: bool = False
    """Judge plates that fit no format of the country, too, such as foreign ones."""

    def load(self) -> pipeline.ReadingRules:
        """Read the files that the options name.

        Raises:
            ConfigError: A country, rule file or calibration is unknown or contradicts itself.
        """
        calibration = load_calibration(self.engine)
        threshold = self.min_confidence
        return pipeline.ReadingRules(
            formats=load_formats(self.country),
            countries=load_country_titles(self.country),
            printed_words=load_printed_words(self.country),
            calibration=calibration,
            calendar=None if self.rules == NO_RULES else load_calendar(self.rules),
            any_format=self.any_format,
            min_confidence=calibration.min_confidence if threshold is None else threshold,
            digits_only=self.digits_only,
        )


class PlateFinder:
    """Finds plates, without reading them; use it as a context manager or close it.

    Args:
        model: An open box model.
        refine: Passes over every plate, at most; 1 takes the model's first answer.
    """

    def __init__(self, model: Runtime, refine: int = DEFAULT_LOOKS) -> None:
        _ = model.spec  # a model without a spec is refused before any photo is decoded
        self.model = model
        self.refine = refine

    @classmethod
    def open(
        cls,
        model: str | os.PathLike[str] | None = None,
        *,
        refine: int = DEFAULT_LOOKS,
        runtime: str | None = None,
        device: str | None = None,
        threads: int | None = None,
    ) -> PlateFinder:
        """Open a finder.

        Args:
            model: A model file for boxes; ``None`` for the finder that ships.
            refine: Passes over every plate, at most.
            runtime: Runtime that opens the file; ``None`` chooses by its ending.
            device: What runs it, e.g. ``"cpu"``; ``None`` takes the runtime's first.
            threads: Threads for one photo; ``None`` leaves the choice to the library.

        Raises:
            InputError: The file is missing, or answers something else than boxes.
            ModelError: The file cannot be opened.

        Example:
            >>> from lightning_plates import PlateFinder
            >>> with PlateFinder.open() as finder:
            ...     boxes = finder.find(sample)
            >>> len(boxes)
            1
        """
        return cls(_open(model, runtime, device, threads), refine)

    def find(self, photo: PhotoLike) -> tuple[Detection, ...]:
        """Find the plates of a photo, the highest score first.

        Args:
            photo: See :data:`PhotoLike`.

        Returns:
            Boxes in pixels of the photo, with their probability.

        Raises:
            PhotoError: The photo cannot be decoded.
        """
        opened = as_photo(photo)
        found = locate(self.model, opened.image, self.refine)
        return tuple(replace(one, box=opened.to_original(one.box)) for one in found)

    def find_many(
        self, photos: Iterable[PhotoLike], workers: int | None = None
    ) -> Iterator[tuple[Detection, ...]]:
        """Find the plates of many photos, in their order; see :meth:`find`."""
        return map_ahead(self.find, photos, workers or core_count())

    def close(self) -> None:
        """Free the model; closing twice is fine."""
        self.model.close()

    def __enter__(self) -> PlateFinder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class PlateReader:
    """Finds and reads plates and judges them; several threads may use one reader.

    Args:
        model: An open box model.
        options: How plates are read and judged.
        threads: Threads for one photo, 1 or more.
        rules: Replaces what ``options`` load; e.g. those of single video frames.
    """

    def __init__(
        self,
        model: Runtime,
        options: ReaderOptions | None = None,
        threads: int = 1,
        rules: pipeline.ReadingRules | None = None,
    ) -> None:
        _ = model.spec  # a model without a spec is refused before any photo is decoded
        self.options = options or ReaderOptions()
        self.rules = rules or self.options.load()
        self.model = model
        self._threads = threads
        engine = open_engine(self.options.engine, threads)
        self.pipeline = pipeline.PlateReader(model, engine, self.rules, self.options.refine)

    @classmethod
    def open(
        cls,
        model: str | os.PathLike[str] | None = None,
        *,
        country: str = DEFAULT_COUNTRY,
        rules: str = DEFAULT_RULES,
        engine: str = DEFAULT_ENGINE,
        refine: int = DEFAULT_LOOKS,
        min_confidence: float | None = None,
        digits_only: bool = False,
        any_format: bool = False,
        runtime: str | None = None,
        device: str | None = None,
        threads: int | None = None,
    ) -> PlateReader:
        """Open a reader.

        Args:
            model: A model file for boxes; ``None`` for the finder that ships.
            country: See :attr:`ReaderOptions.country`.
            rules: See :attr:`ReaderOptions.rules`.
            engine: See :attr:`ReaderOptions.engine`.
            refine: See :attr:`ReaderOptions.refine`.
            min_confidence: See :attr:`ReaderOptions.min_confidence`.
            digits_only: See :attr:`ReaderOptions.digits_only`.
            any_format: See :attr:`ReaderOptions.any_format`.
            runtime: Runtime that opens the model; ``None`` chooses by its ending.
            device: What runs the model, e.g. ``"cpu"``; ``None`` takes the runtime's first.
            threads: Threads for one photo; ``None`` takes all cores.

        Raises:
            InputError: A file is missing, or a name or value is unknown.
            ModelError: The model cannot be opened.
            MissingDependencyError: The engine or runtime is not installed.

        Example:
            >>> from lightning_plates import PlateReader
            >>> reader = PlateReader.open()
            >>> reader.read(sample).plates[0].last_digit
            6
        """
        options = ReaderOptions(
            country, rules, engine, refine, min_confidence, digits_only, any_format
        )
        loaded = options.load()  # before the model: what is misspelled costs nothing
        threads = threads or core_count()
        return cls(_open(model, runtime, device, threads), options, threads, loaded)

    def read(self, photo: PhotoLike, at: dt.datetime | None = None) -> Reading:
        """Read the plates of a photo.

        Args:
            photo: See :data:`PhotoLike`.
            at: When the vehicle wants to circulate, without a time zone in the rule's own;
                ``None`` for now.

        Raises:
            PhotoError: The photo cannot be decoded.
        """
        watch = Stopwatch()
        with watch.step("decode"):
            opened = as_photo(photo)
        found = self.pipeline.read(opened.image, at or now(), watch)
        return Reading.of(_path_of(photo), found, opened, keep_image=True)

    def read_many(
        self,
        photos: Iterable[PhotoLike | None],
        at: dt.datetime | Callable[[], dt.datetime] | None = None,
        *,
        workers: int | None = None,
        keep_images: bool = False,
        words: PhotoPhrases = ENGLISH,
    ) -> Iterator[Reading]:
        """Read many photos on all cores; answers come in their order.

        Decoding, the model and the engine release Python's lock, so that threads fill the cores
        and share the weights. A photo that cannot be read is an answer with ``error``.

        Args:
            photos: They may come in for days; ``None`` stands for a moment without one, in which
                the answers that are ready go out.
            at: When the vehicles want to circulate; a function is asked anew for each photo.
            workers: Photos at the same time; ``None`` for one a core.
            keep_images: Whether answers keep their pixels: a dozen megapixels take 36 MB.
            words: Language of the errors.
        """
        moment = at if callable(at) else (lambda: at or now())

        def answer(photo: PhotoLike) -> Reading:
            return self._try_to_read(photo, moment, words, keep_images=keep_images)

        return map_ahead(answer, photos, workers or core_count())

    def _try_to_read(
        self,
        photo: PhotoLike,
        moment: Callable[[], dt.datetime],
        words: PhotoPhrases,
        *,
        keep_images: bool,
    ) -> Reading:
        watch, file = Stopwatch(), _path_of(photo)
        try:
            with watch.step("decode"):
                opened = as_photo(photo, words)
        except (PhotoError, MissingDependencyError) as error:
            return Reading(file, (), reason_without_name(error, file))
        found = self.pipeline.read(opened.image, moment(), watch)
        return Reading.of(file, found, opened, keep_image=keep_images)

    def read_video(
        self,
        source: str | os.PathLike[str] | int,
        at: dt.datetime | None = None,
        *,
        fps: float = 5.0,
        timeout_s: float = 10.0,
    ) -> Iterator[Vehicle]:
        """Read a video, camera or network stream: one answer a vehicle, once it left the picture.

        Args:
            source: A file, the address of a stream, or the number of a camera.
            at: When the vehicles want to circulate; ``None`` for now.
            fps: Frames a second to look at, 0 for all.
            timeout_s: Seconds without a frame until a stream counts as lost.

        Raises:
            VideoError: It cannot be opened or decoded, or was lost.
        """
        address: VideoAddress = source if isinstance(source, int) else Path(source)
        if isinstance(source, str) and is_live(source):
            address = source
        options = StreamOptions(fps=fps, timeouts=Timeouts(open_s=timeout_s, read_s=timeout_s))
        frames = PlateReader(
            self.model, self.options, self._threads, frame_rules(self.rules)
        ).pipeline

        def read_frame(image: RgbImage) -> Sequence[pipeline.PlateReading]:
            return frames.read(image, at or now()).plates

        video = VideoReader(read_frame, self.rules, lambda: at or now(), PlateTracker())
        for vehicle in video.vehicles(frames_of(address, options)):
            yield Vehicle.of(vehicle)

    def close(self) -> None:
        """Free the model; closing twice is fine."""
        self.model.close()

    def __enter__(self) -> PlateReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def load_model(
    path: str | os.PathLike[str],
    *,
    runtime: str | None = None,
    device: str | None = None,
    threads: int | None = None,
) -> Runtime:
    """Open any exported model, whatever its task.

    Args:
        path: The model file.
        runtime: Runtime that opens it; ``None`` chooses by its ending.
        device: What runs it, e.g. ``"cpu"``; ``None`` takes the runtime's first.
        threads: Threads for one inference; ``None`` leaves the choice to the library.

    Returns:
        A context manager: ``answer([photo])`` gives answers as the model's task describes them,
        ``predict([photo])`` the raw outputs.

    Raises:
        InputError: The file is missing, or no runtime opens it.
        ModelError: The library cannot open the file.
        MissingDependencyError: The runtime's library is not installed.

    Example:
        >>> from lightning_plates import load_model
        >>> with load_model(finder_file) as model:
        ...     model.spec.task
        'detection'
    """
    return open_model(Path(path), runtime, device, threads)


def convert(
    hub: str | os.PathLike[str],
    format: str,
    precision: str = "fp32",
    *,
    output: str | os.PathLike[str],
    calibration: str | os.PathLike[str] | None = None,
    photos: str | os.PathLike[str] | None = None,
    min_likeness: float | None = None,
    **options: Any,  # noqa: ANN401 -- those of the converter
) -> Artefact:
    """Convert an ONNX hub file, compare the result with it, and put it in place if both agree.

    Args:
        hub: The ``.onnx`` file.
        format: Name of a converter, e.g. ``"openvino"``.
        precision: ``"fp32"``, ``"fp16"`` or ``"int8"``, as far as the format has it.
        output: Folder of the result.
        calibration: Photos, or an annotated set, that INT8 is calibrated with.
        photos: Photos to compare on; ``None`` takes others of ``calibration``, or drawn ones.
        min_likeness: Replaces the likeness, 0–1, that the precision has to reach.
        options: Options of the converter by name, e.g. ``keep_float=("head",)``.

    Raises:
        InputError: A name, file or value cannot be used.
        ConversionError: The tool failed.
        ParityError: The result answers differently; nothing was written.
        MissingDependencyError: The tool is not installed.

    Example:
        >>> from lightning_plates import convert
        >>> convert(finder_file, "onnxruntime", "fp16", output=folder).path.name
        'plate_finder.fp16.onnx'
    """
    from conversion._convert import PhotoChoice, convert_file

    choice = PhotoChoice(
        None if calibration is None else Path(calibration),
        compared=None if photos is None else Path(photos),
    )
    return convert_file(
        Path(hub), format, precision, Path(output), choice, min_likeness, options=options
    )


def sample_photos() -> list[Path]:
    """The drawn photos that ship, to try a new installation with."""
    return sorted((Path(__file__).parent / "samples").glob("*.jpg"))


def now() -> dt.datetime:
    """The present moment, with its time zone."""
    return dt.datetime.now(dt.timezone.utc)


def as_photo(photo: PhotoLike, words: PhotoPhrases = ENGLISH) -> Photo:
    """Decode a photo, upright.

    Args:
        photo: See :data:`PhotoLike`.
        words: Language of the errors.

    Raises:
        PhotoError: It cannot be decoded, or its pixels have another shape or type.
    """
    if isinstance(photo, bytes):
        return decode_photo(photo, "photo", words)
    if isinstance(photo, (Image.Image, np.ndarray)):
        return photo_of(photo)
    return open_photo(Path(photo), words)


def _path_of(photo: PhotoLike) -> Path | None:
    return Path(photo) if isinstance(photo, (str, os.PathLike)) else None


def _open(
    model: str | os.PathLike[str] | None,
    runtime: str | None,
    device: str | None,
    threads: int | None,
) -> Runtime:
    path = default_model() if model is None else Path(model)
    return open_model(path, runtime, device, threads)
