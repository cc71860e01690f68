"""Networks and their Lightning modules."""
