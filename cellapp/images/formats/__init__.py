"""Image formats: one module per container format, and the axes, pixel sizes and errors they share."""
