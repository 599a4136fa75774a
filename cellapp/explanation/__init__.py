"""Signed maps of what raises and lowers the logit of a class, and the compartments of the cell they point to."""
