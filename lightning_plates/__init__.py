"""Trained, small, checked licence-plate readers for devices at the roadside."""

__version__ = "0.1.0"
