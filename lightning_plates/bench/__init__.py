"""Measurements, the published figures beside them, and the reports that show both."""
