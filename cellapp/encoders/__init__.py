"""Frozen encoders: crops in, vectors out."""
