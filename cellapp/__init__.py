"""cellapp: from microscope images to counted, explained, downloadable cells."""

__version__ = "0.1.0"
