"""What a segmenter and an encoder must offer to be used by the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from cellapp.settings import FeatureSettings, SegmentSettings
from cellapp.types.cells import Embeddings
from cellapp.types.image import Role, Slide


@runtime_checkable
class Segmenter(Protocol):
    """Finds cells in processed pixels."""

    name: str  # "classical@1"
    fast: bool  # a 512 x 512 region takes less than a second on a CPU

    def flows(self, pixels: np.ndarray, roles: Sequence[Role], settings: SegmentSettings, fit: Any = None) -> Any:
        """Do the expensive part that does not depend on thresholds.

        Parameters
        ----------
        pixels : ndarray of shape (C, Y, X), float32
            Processed pixels, see `cellapp.images.preprocess`.
        roles : sequence of Role
            What each channel shows, in order of `pixels`.
        settings : SegmentSettings
        fit : cellapp.segmentation.slide_fit.SlideFit, optional
            Given where `pixels` are a tile: what was decided for its whole slide.

        Returns
        -------
        Any
            Kept by callers and handed to `masks` again when only thresholds move.
        """
        ...

    def masks(self, flows: Any, settings: SegmentSettings) -> np.ndarray:
        """Turn `flows` into labels, (Y, X) int32, ids 1..n without gaps."""
        ...


@runtime_checkable
class SegmenterChoice(Protocol):
    """A segmenter that stands for several and picks one for each slide."""

    def for_slide(self, slide: Slide, roles: Sequence[Role]) -> Segmenter:
        """Return the segmenter for a slide whose channels have these roles."""
        ...


@runtime_checkable
class Encoder(Protocol):
    """Turns crops into vectors."""

    name: str
    revision: str
    input_px: int  # side of the square it reads
    grid: tuple[int, int]  # patch tokens as rows, columns
    dim: int
    reads: FeatureSettings  # what `embed` computes and which planes it reads

    @property
    def identity(self) -> str:
        """Name and revision, "name@revision"."""
        ...

    def reading(self, features: FeatureSettings) -> Encoder:
        """Return this encoder giving what a head with these settings reads."""
        ...

    def embed(self, crops: np.ndarray, cell_ids: np.ndarray, *, patches: bool = False) -> Embeddings:
        """Encode crops.

        Parameters
        ----------
        crops : ndarray of shape (N, 3, S, S), float32
            0 to 1, as made by `cellapp.encoders.crop_to_rgb.encoder_input`; the encoder standardises by itself. Of
            as many planes as channels where `reads` takes each channel by itself.
        cell_ids : ndarray of shape (N,)
        patches : bool
            Also return every patch token.
        """
        ...
