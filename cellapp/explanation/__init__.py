"""Signed maps of what speaks for and against a class."""
