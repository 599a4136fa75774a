"""The analysis of one image, step by step, and of many images."""
