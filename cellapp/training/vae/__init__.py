"""Variational autoencoders of single cells: a latent space that is learned from the project's own crops."""
