"""Trained, small, checked licence-plate readers for devices at the roadside."""

from lightning_plates.silence import silence

__version__ = "0.1.0"

silence()  # before anything of ours can import what reports home
