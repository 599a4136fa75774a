"""The planes a segmenter of one or two channels reads: whole cells and nuclei, both bright on dark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cellapp.errors import InputError
from cellapp.images.channels import is_photo
from cellapp.types.image import Role

LUMINANCE = np.float32([0.2126, 0.7152, 0.0722])  # ITU-R BT.709, red, green, blue
HISTOGRAM_BINS = 64
LARGEST_PIECE = 0.5  # share of its area from which a part of an image counts as one piece


@dataclass(frozen=True, eq=False)
class InputPlanes:
    """Planes that are bright where a cell is. `body` shows nuclei where no channel shows whole cells."""

    body: np.ndarray  # (Y, X) float32
    nucleus: np.ndarray | None = None  # (Y, X) float32; None where there is none besides `body`
    inverted: bool = False  # dark cells on a bright background were inverted
    thins: bool = False  # `body` is cytoplasm, which thins towards the rim of a spread cell

    @property
    def outline(self) -> np.ndarray:
        """The plane to threshold, (Y, X) float32: the square root where cells thin out, or the rim would be lost."""
        return np.sqrt(np.maximum(self.body, 0)) if self.thins else self.body


@dataclass(frozen=True)
class Polarity:
    """Whether planes without roles show dark cells on a bright background; one decision for a whole slide."""

    inverted: bool = False
    span: float = 0.0  # darkest plus brightest intensity; an inverted plane is this minus the plane

    @classmethod
    def detect(cls, pixels: np.ndarray, roles: Sequence[Role]) -> Polarity:
        """Decide it from (C, Y, X) pixels; channels with a role are never inverted."""
        if any(role in (Role.CYTOPLASM, Role.NUCLEUS) for role in roles):
            return cls()
        plane = _roleless_plane(pixels, roles)
        return cls(True, float(plane.max() + plane.min())) if has_bright_background(plane) else cls()


def select_planes(pixels: np.ndarray, roles: Sequence[Role], polarity: Polarity | None = None) -> InputPlanes:
    """Choose the planes by the roles of channels, whatever their order.

    Cytoplasm channels (their mean) show whole cells and nucleus channels (their mean) their centres; where only nuclei
    are known the nuclei are the cells. Without roles a photo becomes its luminance and anything else its mean, and the
    data decide the polarity: where the most frequent intensity, that of the background, lies in the brighter half of
    the range, cells are dark and the plane is inverted. Channels with a role stay as they are.

    Parameters
    ----------
    pixels : ndarray of shape (C, Y, X)
        Processed, 0 to 1.
    roles : sequence of Role
        One per channel.
    polarity : Polarity, optional
        Of the slide that `pixels` are a part of; decided from `pixels` alone when left out.

    Returns
    -------
    Planes

    Raises
    ------
    InputError
        When roles and channels differ in number.
    """
    if pixels.ndim != 3 or len(roles) != len(pixels) or len(pixels) == 0:
        raise InputError(
            f"pixels must be (C, Y, X) with one role per channel; got {pixels.shape} and {len(roles)} roles"
        )
    cytoplasm, nucleus = _mean_of(pixels, roles, Role.CYTOPLASM), _mean_of(pixels, roles, Role.NUCLEUS)
    if cytoplasm is not None:
        return InputPlanes(cytoplasm, nucleus, thins=True)
    if nucleus is not None:
        return InputPlanes(nucleus)
    plane, polarity = _roleless_plane(pixels, roles), polarity or Polarity.detect(pixels, roles)
    return InputPlanes(np.float32(polarity.span) - plane, inverted=True) if polarity.inverted else InputPlanes(plane)


def has_bright_background(plane: np.ndarray) -> bool:
    """Return whether the most frequent intensity lies in the brighter half of the range and surrounds the rest.

    Where cells of even brightness cover most of the image theirs is the most frequent intensity; but they are many
    pieces in a background that is one.

    Parameters
    ----------
    plane : ndarray of shape (Y, X), float
    """
    low, high = np.percentile(plane, [0.5, 99.5])
    if high <= low:
        return False
    counts, edges = np.histogram(np.clip(plane, low, high), HISTOGRAM_BINS)
    counts = np.convolve(counts, np.ones(5), mode="same")  # one saturated bin alone is no background
    middle = (low + high) / 2
    return bool(edges[counts.argmax()] > middle) and not _is_surrounded(plane > middle)


def _is_surrounded(bright: np.ndarray) -> bool:
    """Return whether the bright part is in many pieces, none of them most of it, and the dark part in one."""
    return _largest_share(bright) < LARGEST_PIECE and _largest_share(~bright) > 1 - LARGEST_PIECE / 5


def _largest_share(mask: np.ndarray) -> float:
    pieces = np.bincount(ndimage.label(mask)[0].ravel())[1:]
    return float(pieces.max(initial=0) / max(pieces.sum(), 1))


def _roleless_plane(pixels: np.ndarray, roles: Sequence[Role]) -> np.ndarray:
    plane = np.tensordot(LUMINANCE, pixels, axes=1) if is_photo(roles) else pixels.mean(axis=0)
    return plane.astype(np.float32)


def _mean_of(pixels: np.ndarray, roles: Sequence[Role], wanted: Role) -> np.ndarray | None:
    chosen = [plane for plane, role in zip(pixels, roles, strict=True) if role is wanted]
    if not chosen:
        return None
    if len(chosen) > 2:  # sorted sums: the order of channels in a file must not show in the last bit
        chosen = _sorted(chosen)
    mean = chosen[0].copy()  # the mean of a stack would write all planes once more
    for plane in chosen[1:]:
        mean += plane
    mean /= len(chosen)
    return mean.astype(np.float32, copy=False)


def _sorted(planes: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Sort the values of each pixel by exchanges of two planes, a tenth of the time of a sort along the first axis."""
    planes = [*planes]
    for last in range(len(planes) - 1, 0, -1):
        for at in range(last):
            one, other = planes[at : at + 2]
            planes[at : at + 2] = np.minimum(one, other), np.maximum(one, other)
    return planes
