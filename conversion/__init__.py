"""Conversion scripts: from the ONNX hub file to every runtime's own format."""

import lightning_plates  # noqa: F401 -- silences what reports home before a tool is imported
