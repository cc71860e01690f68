"""Keeps a conversion only if its answers agree with the hub's."""
