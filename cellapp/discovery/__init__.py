"""Structure in vectors of cells without labels."""
