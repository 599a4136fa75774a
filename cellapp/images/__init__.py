"""Pixels in: what a file holds, lazy reading, channels, display and preprocessing."""
