"""Training of the networks that ship, and of a user's own, from a recipe and a folder of data."""
