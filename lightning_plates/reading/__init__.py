"""From a plate's box to its text, last digit and restriction day."""
