"""Image files: probing, lazy reading, channels, sampling, preprocessing and pyramids."""
