"""Tiles for the deep-zoom viewer: of an image and of the cells of a result, drawn on demand."""
