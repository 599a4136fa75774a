"""Heads from labelled pictures of single cells: read, encode, fit, compare with plainer methods, write down."""
