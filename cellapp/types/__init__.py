"""The vocabulary of the program: an image, its cells, and what a model must offer."""
