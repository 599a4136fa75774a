"""Sections of the Outlines page: labels of files, how good outlines are, and segmenters that learn from corrections."""
