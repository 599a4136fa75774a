"""From pixels, labels and classes to 8-bit pictures."""
