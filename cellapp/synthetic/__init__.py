"""Synthetic fluorescence slides with known truth, of any size."""
