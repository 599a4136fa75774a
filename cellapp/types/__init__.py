"""The types every part uses: an image, its cells, and the interfaces of models."""
