"""Cell lines from time series of images: bags of patches over time, and a network that attends to them."""
