"""Where pixels arrive that follow Cellpose's flows, in less work than one step of every pixel at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import grid_sample

SAME_PX = 1 / 32
"""Pixels nearer to each other than this go on as one."""
_MEETINGS = 24  # how often in all steps it is looked who has met
_LEAST_STEPS = 4  # between two looks
_WORTH = 0.8  # share left at which going on as one pays


def arrivals(flow: np.ndarray, inside: tuple[np.ndarray, np.ndarray], *, n_steps: int) -> torch.Tensor:
    """Let pixels follow the flows for a number of steps of Euler's method.

    The steps are those of ``cellpose.dynamics.steps_interp``: flows are interpolated between pixels, and the image's
    edge stops what would leave it. All pixels of a cell flow to one place, and two that have come together stay
    together, as where a pixel goes depends on nothing but where it is. So they are followed as one from then on.

    Parameters
    ----------
    flow : ndarray of shape (2, Y, X), float32
        Rows and columns, px per step; 0 outside of cells.
    inside : tuple of two ndarray of shape (N,), int
        Rows and columns of the pixels.
    n_steps : int

    Returns
    -------
    Tensor of shape (2, N), float32
        Rows and columns after the last step, px, as ``cellpose.dynamics.get_masks_torch`` takes them.
    """
    sides = torch.tensor(flow.shape[:0:-1], dtype=torch.float64) - 1  # columns, then rows, as `grid_sample` wants
    field = torch.from_numpy(np.ascontiguousarray(flow[::-1], np.float32))
    field = (field * (2 / sides).float()[:, None, None])[None]
    sides = sides.float()
    places = torch.stack([torch.from_numpy(at).float() for at in inside[::-1]], dim=1) / sides * 2 - 1
    group, span = None, max(_LEAST_STEPS, n_steps // _MEETINGS)
    for start in range(0, n_steps, span):
        if start:
            places, group = _as_one(places, group, sides)
        for _ in range(min(span, n_steps - start)):
            step = grid_sample(field, places[None, None], align_corners=False)[0, :, 0].T
            places = (places + step).clamp_(-1, 1)
    places = (places + 1) * 0.5 * sides
    return (places if group is None else places[group]).flip(1).T


def _as_one(
    places: torch.Tensor, group: torch.Tensor | None, sides: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Keep one of those at the same place, and say for each pixel which of the kept it goes with."""
    fine = ((places + 1) * 0.5 * sides / SAME_PX).round_().long()
    met, kept = pd.factorize((fine[:, 0] * int(sides[1] / SAME_PX + 2) + fine[:, 1]).numpy())
    if len(kept) > _WORTH * len(places):
        return places, group
    first = np.empty(len(kept), np.int64)
    first[met[::-1]] = np.arange(len(met))[::-1]
    met = torch.from_numpy(met)
    return places[torch.from_numpy(first)], met if group is None else met[group]
