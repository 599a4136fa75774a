"""Linear heads on frozen vectors: training, prediction, calibration."""
