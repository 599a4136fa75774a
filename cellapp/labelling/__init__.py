"""Classes that people give to cells: names, where they belong after another segmentation, which cell comes next."""
