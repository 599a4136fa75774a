"""Label images of other programs, read as the labels of an image."""
