"""Linear heads on the vectors of a frozen encoder: files, prediction, novelty."""
