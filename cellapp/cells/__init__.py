"""Cells as rows and pictures: measure, crop, judge quality."""
