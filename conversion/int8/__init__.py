"""Calibration and Q/DQ quantisation that the INT8 converters share."""
