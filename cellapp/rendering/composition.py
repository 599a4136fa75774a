"""Display settings of an image: colours, windows and gammas of its channels, as URL parameter and for exports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellapp.errors import InputError
from cellapp.images.sampling import OVERVIEW_PX, read_at_most
from cellapp.rendering.colours import channel_colours
from cellapp.rendering.display import default_window, to_display
from cellapp.types.image import Role, Slide

_HIDDEN = "-"


@dataclass(frozen=True)
class Composition:
    """Display settings of an image; hashable, so that renderings are cached by them."""

    colours: tuple[str, ...]  # "#RRGGBB" per channel
    windows: tuple[tuple[float, float], ...]  # in raw pixel values, shown as black and as full colour
    gammas: tuple[float, ...] = ()  # exponents of brightness per channel; 1 where left out
    hidden: tuple[int, ...] = ()

    def draw(self, pixels: np.ndarray) -> np.ndarray:
        """Return raw pixels (C, Y, X) as a picture, (Y, X, 3) uint8; see `cellapp.rendering.display.to_display`."""
        return to_display(pixels, self.colours, self.windows, gamma=self.gammas or 1.0, hidden=self.hidden)


def as_text(composition: Composition) -> str:
    """Write a composition as one URL parameter: ``RRGGBB,low,high,gamma`` per channel, joined by ``;``.

    A hidden channel is ``-`` whatever its settings, so that one picture has one address.
    """
    gammas = composition.gammas or (1.0,) * len(composition.colours)
    parts = [
        _HIDDEN if i in composition.hidden else f"{colour[1:]},{low:.7g},{high:.7g},{gamma:.3g}"
        for i, (colour, (low, high), gamma) in enumerate(
            zip(composition.colours, composition.windows, gammas, strict=True)
        )
    ]
    return ";".join(parts)


def from_text(text: str, n_channels: int) -> Composition:
    """Read what `as_text` wrote.

    Parameters
    ----------
    text : str
    n_channels : int
        Of the image it is for.

    Raises
    ------
    InputError
        Another number of channels, or a part that is no colour, window and gamma.
    """
    parts = text.split(";")
    if len(parts) != n_channels:
        raise InputError(f"channels has {len(parts)} parts but the image has {n_channels} channels; give one for each")
    shown = [("#000000", 0.0, 1.0, 1.0) if part == _HIDDEN else _channel(part) for part in parts]
    return Composition(
        colours=tuple(colour for colour, *_ in shown),
        windows=tuple((low, high) for _, low, high, _ in shown),
        gammas=tuple(gamma for *_, gamma in shown),
        hidden=tuple(i for i, part in enumerate(parts) if part == _HIDDEN),
    )


def _channel(part: str) -> tuple[str, float, float, float]:
    fields: Sequence[str] = part.split(",")
    try:
        colour, (low, high, gamma) = fields[0], (float(field) for field in fields[1:])
        int(colour, 16)
    except ValueError as error:
        raise InputError(f"a channel is RRGGBB,low,high,gamma or -; got {part!r}") from error
    if len(colour) != 6 or not all(map(math.isfinite, (low, high, gamma))) or gamma <= 0:
        raise InputError(f"a channel needs six digits of colour, finite ends and a gamma above 0; got {part!r}")
    return f"#{colour}", low, high, gamma


@dataclass(frozen=True, eq=False)
class ImageStyle:
    """How exported pictures of one image are shown: one stretch for the whole image, so that its cells compare."""

    channels: tuple[str, ...]
    roles: tuple[Role, ...]
    overview: np.ndarray  # (y, x, 3) uint8, at most `OVERVIEW_PX` on its longest side
    scale: float  # overview pixels per full-resolution pixel
    composition: Composition

    @classmethod
    def of(cls, slide: Slide, channels: Sequence[str], roles: Sequence[Role]) -> ImageStyle:
        """Choose colours by name and role, and windows from the overview's percentiles."""
        pixels, scale = read_at_most(slide, OVERVIEW_PX)
        composition = Composition(channel_colours(channels, roles), default_window(pixels, roles))
        return cls(tuple(channels), tuple(roles), composition.draw(pixels), scale, composition)

    def show(self, pixels: np.ndarray) -> np.ndarray:
        """Render raw (C, h, w) pixels of this image, (h, w, 3) uint8."""
        return self.composition.draw(pixels)
