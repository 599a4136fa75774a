"""The Discover page: clusters of cells without labels."""
