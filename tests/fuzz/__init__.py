"""Seeded mutations of every file that the product reads: ``python -m tests.fuzz --help``.

A target is a module of ``targets/``. It writes sound inputs once, damages them by a seed, and says
which command reads them; :mod:`tests.fuzz.trial` runs the command and judges how it ended.
"""
