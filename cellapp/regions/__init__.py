"""Areas drawn on an image that limit a run: which pixels they hold, what they may be, and GeoJSON of QuPath."""
