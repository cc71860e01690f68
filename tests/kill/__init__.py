"""Kills commands at random moments and compares what resumes: ``python -m tests.kill --help``."""
