"""Widgets, charts and messages that any page can use."""
