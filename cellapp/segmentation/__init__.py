"""Segmentation: one module per segmenter, the steps they share, tiling of slides, previews and scores."""
