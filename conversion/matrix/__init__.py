"""The table of every model in every format."""
