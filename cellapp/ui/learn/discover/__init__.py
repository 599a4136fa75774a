"""The Discover page: groups of cells without labels."""
