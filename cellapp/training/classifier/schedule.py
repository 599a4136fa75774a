"""The learning rate of fine-tuning: linear warm-up, then half a cosine down to a floor."""

from __future__ import annotations

import math


def rate_factor(step: int, *, steps: int, warm_up: int, floor: float) -> float:
    """Return the learning rate of a step as a share of its peak.

    Parameters
    ----------
    step : int
        From 0.
    steps : int
        Of the whole schedule; later ones keep the floor.
    warm_up : int
        Steps in which it rises in equal parts to the peak, at the last of them.
    floor : float
        Share of the peak at the last step, 0 to 1 (Loshchilov and Hutter 2017, arXiv:1608.03983).
    """
    if step < warm_up:
        return (step + 1) / warm_up
    part = min((step - warm_up + 1) / max(steps - warm_up, 1), 1.0)
    return floor + (1 - floor) * (1 + math.cos(math.pi * part)) / 2
