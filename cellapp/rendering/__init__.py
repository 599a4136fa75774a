"""Rendering of pixels, labels and classes as 8-bit pictures."""
