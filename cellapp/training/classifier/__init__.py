"""Training of heads on labelled pictures of single cells."""
