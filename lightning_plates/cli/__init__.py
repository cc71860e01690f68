"""Plate boxes, last digits and restriction days, from photos to a small device."""
