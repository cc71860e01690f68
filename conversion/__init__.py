"""Conversion scripts: from the ONNX hub file to every runtime's own format."""
