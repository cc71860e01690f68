"""Label formats: one file each; a format exists because its file does."""

from lightning_plates.data.annotations.reader import read_annotations, read_labels

__all__ = ["read_annotations", "read_labels"]
