"""Cells of a label image: measurements, crops, quality rules and counts."""
