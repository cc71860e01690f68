"""Inference adapters: one file a runtime, one contract."""
