"""Reads, folds and rebuilds ONNX graphs."""
