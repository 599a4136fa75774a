"""One module per container format, and what all of them share: axes and pixel size."""
