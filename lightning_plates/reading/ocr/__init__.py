"""Text recognition engines: one file each."""
