"""Self-distillation of a compact encoder on pictures of single cells, the bundled ones or a user's own."""
