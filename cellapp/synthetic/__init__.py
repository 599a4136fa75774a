"""Synthetic fluorescence slides of any size, with the true label image and class of every cell."""
