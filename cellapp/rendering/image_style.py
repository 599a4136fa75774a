"""How exported pictures look: one stretch for the whole image, so that its cells can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellapp.images.sampling import read_at_most
from cellapp.rendering.display import channel_colours, default_window, to_display
from cellapp.types.image import Role, Slide

OVERVIEW_PX = 2048


@dataclass(frozen=True, eq=False)
class ImageStyle:
    """Channels, colours and windows of one image, and its overview."""

    channels: tuple[str, ...]
    roles: tuple[Role, ...]
    overview: np.ndarray  # (y, x, 3) uint8, at most `OVERVIEW_PX` on its longest side
    scale: float  # overview pixels per full-resolution pixel
    colours: tuple[str, ...]
    windows: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, slide: Slide, channels: Sequence[str], roles: Sequence[Role]) -> ImageStyle:
        """Choose colours by name and role, and windows from the overview's percentiles."""
        pixels, scale = read_at_most(slide, OVERVIEW_PX)
        colours, windows = channel_colours(channels, roles), default_window(pixels, channels)
        overview = to_display(pixels, colours, windows)
        return cls(tuple(channels), tuple(roles), overview, scale, colours, windows)

    def show(self, pixels: np.ndarray) -> np.ndarray:
        """Render raw (C, h, w) pixels of this image, (h, w, 3) uint8."""
        return to_display(pixels, self.colours, self.windows)
