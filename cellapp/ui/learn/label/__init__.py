"""Sections of the page on which cells get their classes."""
