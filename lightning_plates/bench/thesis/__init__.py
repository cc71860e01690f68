"""The thesis' first stage as one experiment that can be stopped and continued."""
