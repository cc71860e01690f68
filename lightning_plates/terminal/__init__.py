"""Text on the terminal: exit statuses, encodings, progress."""
