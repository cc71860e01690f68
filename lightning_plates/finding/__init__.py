"""Finds plates: the model that ships and its further passes."""
