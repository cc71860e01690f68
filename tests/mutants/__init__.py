"""Breaks of one line that the tests must notice: ``python -m tests.mutants --help``."""
