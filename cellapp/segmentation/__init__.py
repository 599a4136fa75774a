"""Finding cells: one file per segmenter, and what they share."""
