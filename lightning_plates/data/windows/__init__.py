"""Windows cut from photos, which the dense finder trains on."""
