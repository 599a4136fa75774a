"""Corrections of a label image by hand: what an edit is, which pixels it changes, and what can be taken back."""
