"""Plate formats and driving restrictions, from YAML files."""
