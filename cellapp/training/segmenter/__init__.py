"""Training of the compact segmenter on images with label images."""
