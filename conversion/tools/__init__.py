"""Converters that pin their own packages run in environments of their own."""
