"""Files to take home, one module per format; each is written beside its place and renamed into it."""
