"""The borders, one module each; :class:`tests.fuzz.trial.Target` says what a module offers."""
