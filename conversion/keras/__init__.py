"""Keras models become hub files: ``python -m conversion.keras``."""
