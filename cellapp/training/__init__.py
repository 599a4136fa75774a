"""Training of heads, segmenters and encoders from a recipe and a folder of data."""
