"""Pretraining of a compact encoder on pictures of single cells by self-distillation."""
