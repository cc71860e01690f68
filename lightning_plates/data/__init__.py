"""Data sets: labels, synthetic photos, splits and loading for training."""
