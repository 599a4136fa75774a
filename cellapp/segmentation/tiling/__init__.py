"""Overlapping tiles of a slide, and the label image of the slide from those of its tiles."""
