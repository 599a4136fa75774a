"""Choose between two networks by statistics of the image: cells without stain and blood smears, or all others.

Decided once for a slide, from windows of it, so that all its tiles go to one network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cellapp.errors import ModelError, why_unread
from cellapp.images.channels import is_photo
from cellapp.images.sampling import sample_windows, spread_windows
from cellapp.segmentation.contrast import GRAY_STATISTICS, describe_colour, describe_gray
from cellapp.types.image import Region, Role, Slide
from cellapp.types.protocols import Segmenter, SegmenterChoice

WINDOW_PX, EACH_WAY = 512, 2
LEAST_CONTRAST = 0.3  # spread of a window, over that of the one with most, from which it is looked at
ONE_SIDED = 0.01  # share of pixels: where fewer are darker, or brighter, than the background a stain glows or absorbs
MOST_SURE = 4.0  # no window counts for more than this, natural logarithm of odds

_SIDES = [GRAY_STATISTICS.index(name) for name in ("above", "below")]


def segmenter_for(segmenter: Segmenter, slide: Slide, roles: Sequence[Role]) -> Segmenter:
    """Return the segmenter that segments a slide: the one given, or that which it picks.

    Parameters
    ----------
    segmenter : Segmenter
    slide : Slide
        The whole, whatever part of it is to be segmented.
    roles : sequence of Role
    """
    return segmenter.for_slide(slide, roles) if isinstance(segmenter, SegmenterChoice) else segmenter


def why_other(segmenter: Segmenter, chosen: Segmenter) -> str:
    """Say which network was picked in place of the segmenter's first; empty where none was."""
    if chosen is segmenter:
        return ""
    return (
        f"it looks like cells without stain or a blood smear, so its cells were outlined by {chosen.name}; "
        "where they are stained choose compact-stained"
    )


@dataclass(frozen=True, eq=False)
class LogisticRule:
    """A logistic regression over the statistics of a window."""

    mean: np.ndarray  # (K,)
    scale: np.ndarray  # (K,)
    weights: np.ndarray  # (K,)
    intercept: float

    def log_odds(self, statistics: np.ndarray) -> float:
        """Return the natural logarithm of the odds that a window is for the second network."""
        return float((statistics - self.mean) / self.scale @ self.weights + self.intercept)


@dataclass(frozen=True, eq=False)
class NetworkChoice:
    """Rules for gray images and for photographs."""

    gray: LogisticRule
    colour: LogisticRule

    @classmethod
    def read(cls, path: Path) -> NetworkChoice:
        """Read the rules of a file, as ``benchmarks/network_choice.py`` writes it.

        Raises
        ------
        ModelError
            When it is missing or damaged.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(*(_rule(content[name]) for name in ("gray", "colour")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{path} holds no rules to choose a network by ({why_unread(error)}): restore the file"
            ) from error

    def is_label_free(self, slide: Slide, roles: Sequence[Role]) -> bool:
        """Return whether a slide shows cells without stain, or a blood smear.

        Parameters
        ----------
        slide : Slide
        roles : sequence of Role
            One per channel; where one shows nuclei or cytoplasm there is a stain, and no pixel is read.
        """
        if set(roles) & {Role.CYTOPLASM, Role.NUCLEUS}:
            return False
        return self.log_odds(read_windows(slide), roles) > 0

    def log_odds(self, windows: Sequence[np.ndarray], roles: Sequence[Role]) -> float:
        """Return the mean over windows of the logarithm of the odds; windows that hold little are left out.

        Parameters
        ----------
        windows : sequence of ndarray of shape (C, Y, X)
            Native dtype.
        roles : sequence of Role
        """
        contrasts = np.array([np.nan_to_num(window.astype(np.float32)).std() for window in windows])
        chosen = [w for w, c in zip(windows, contrasts, strict=True) if c >= LEAST_CONTRAST * contrasts.max()]
        return float(np.mean([np.clip(self._of_window(window, roles), -MOST_SURE, MOST_SURE) for window in chosen]))

    def _of_window(self, window: np.ndarray, roles: Sequence[Role]) -> float:
        statistics, of_colour = describe_window(window, roles)
        if of_colour:
            return self.colour.log_odds(statistics)
        return -MOST_SURE if statistics[_SIDES].min() < ONE_SIDED else self.gray.log_odds(statistics)


def describe_window(window: np.ndarray, roles: Sequence[Role]) -> tuple[np.ndarray, bool]:
    """Return the statistics of a window, (K,), and whether they are those of a photograph.

    Parameters
    ----------
    window : ndarray of shape (C, Y, X)
        Native dtype.
    roles : sequence of Role
    """
    pixels = np.nan_to_num(window.astype(np.float32), posinf=0, neginf=0)
    if is_photo(roles) and (pixels != pixels[:1]).any():
        full = np.iinfo(window.dtype).max if np.issubdtype(window.dtype, np.integer) else max(pixels.max(), 1e-6)
        return describe_colour(pixels / np.float32(full)), True
    return describe_gray(pixels.mean(axis=0)), False


def read_windows(slide: Slide) -> list[np.ndarray]:
    """Read at most four windows of 512 px that show what cells of a slide look like, each (C, Y, X), native dtype."""
    sampled = sample_windows(slide)
    if len(sampled) == 1:
        return [slide.region(window) for window in spread_windows(slide.info.shape[1:], WINDOW_PX, EACH_WAY)]
    chosen = [sampled[at * len(sampled) // EACH_WAY**2] for at in range(EACH_WAY**2)]
    return [slide.region(_middle(window)) for window in chosen]


def _middle(window: Region) -> Region:
    height, width = min(window.height, WINDOW_PX), min(window.width, WINDOW_PX)
    return Region(window.y + (window.height - height) // 2, window.x + (window.width - width) // 2, height, width)


def _rule(content: Mapping[str, object]) -> LogisticRule:
    mean, scale, weights = (np.array(content[name], float) for name in ("mean", "scale", "weights"))
    return LogisticRule(mean, scale, weights, float(content["intercept"]))
