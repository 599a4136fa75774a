"""The Time series page: growth curves, and cell lines across batches."""
