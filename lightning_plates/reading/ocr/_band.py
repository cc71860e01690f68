"""The part of a plate that holds its characters."""

from __future__ import annotations

from lightning_plates.photos import RgbImage

BAND = (0.15, 0.88)
"""Part of a 2:1 plate's height that is read; state above and slogan below stay out. Measured as
above, whole height → band: exact 0.87/0.76 → 0.89/0.87."""

BAND_BELOW_ASPECT = 2.9
"""Plates wider than this (European, 4.7:1) carry nothing above or below."""

BAND_ABOVE_ASPECT = 1.3
"""A squarer crop is one row of a two-row plate or cut off; its height is not trusted."""


def cut_band(row: RgbImage) -> RgbImage:
    """Cut what stands above and below the characters of a 2:1 plate."""
    height, width = row.shape[:2]
    if not BAND_ABOVE_ASPECT < width / height < BAND_BELOW_ASPECT:
        return row
    return row[int(height * BAND[0]) : max(int(height * BAND[1]), 1)]
