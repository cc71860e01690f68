"""Videos, cameras and streams: one answer a vehicle."""
