"""The Screen page: what treatments do to the cells of plates."""
