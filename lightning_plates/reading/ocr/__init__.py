"""Text recognition engines: one file each, found by listing this folder."""

from lightning_plates.reading.ocr._base import OcrEngine
from lightning_plates.reading.ocr._discovery import installed_engines, list_engines, open_engine

__all__ = ["OcrEngine", "installed_engines", "list_engines", "open_engine"]
