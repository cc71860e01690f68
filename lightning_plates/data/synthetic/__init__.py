"""Synthetic plates and photos, drawn by our own code."""
