"""Formats of microscope makers, each read by a module of its own."""

from __future__ import annotations

from cellapp.images.formats import czi, lif, nd2

READERS = {"czi": czi, "nd2": nd2, "lif": lif}
"""Module by format, as `cellapp.images.formats.detect.detect` names it."""
