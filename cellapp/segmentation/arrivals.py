"""Where pixels arrive that follow Cellpose's flows, in less work than one step of every pixel at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

SAME_PX = 1 / 32
"""Pixels nearer to each other than this go on as one."""
ARRIVED_PX = 1e-4
"""Pixels whose steps are all shorter than this are followed no further."""
SPACINGS = (4, 2, 1)
"""Distances of the pixels that are followed, px; after each, those between others of one end are not."""
_FEW = 2_000  # pixels; following each of so few takes no longer than choosing among them
_MEETINGS = 16  # how often in all steps it is looked who has met
_LEAST_STEPS = 4  # between two looks
_WORTH = 0.8  # share left at which going on as one pays
_BILINEAR, _ZEROS = 0, 0  # how `grid_sampler_2d` reads between pixels and beyond the edge
_OUTSIDE, _UNKNOWN = -2, -1  # where others have the number of the pixel in which they end


def arrivals(flow: np.ndarray, inside: tuple[np.ndarray, np.ndarray], *, n_steps: int) -> np.ndarray:
    """Let pixels follow the flows for a number of steps of Euler's method.

    The steps are those of ``cellpose.dynamics.steps_interp``: flows are interpolated between pixels, and the image's
    edge stops what would leave it. Paths do not cross, so that pixels between others that end in one pixel end there,
    too: every fourth pixel each way is followed first, then every second, then all, each time only those that are not
    between such others.

    Parameters
    ----------
    flow : ndarray of shape (2, Y, X), float32
        Rows and columns, px per step; 0 outside of cells.
    inside : tuple of two ndarray of shape (N,), int
        Rows and columns of the pixels.
    n_steps : int

    Returns
    -------
    ndarray of shape (2, N), int
        Row and column of the pixel in which each ends.
    """
    shape = flow.shape[1:]
    ends = np.full([_next_multiple(side - 1) + 1 for side in shape], _OUTSIDE, np.int32)
    ends[inside] = _UNKNOWN
    follow = _Follow(flow, n_steps)
    for spacing in SPACINGS if len(inside[0]) > _FEW else SPACINGS[-1:]:
        rows, columns = (at * spacing for at in np.nonzero(ends[::spacing, ::spacing] == _UNKNOWN))
        if len(rows):
            ends[rows, columns] = follow(rows, columns)
        if spacing > 1:
            _fill_between(ends[:: spacing // 2, :: spacing // 2])
    return np.stack(np.unravel_index(ends[inside], shape))


def _next_multiple(side: int) -> int:
    return -(-side // SPACINGS[0]) * SPACINGS[0]


def _fill_between(ends: np.ndarray) -> None:
    """Give pixels half way between others of one end that end; every second of both axes is known, (Y, X), changed.

    One in the middle of a square lies between its four corners, one on a side between the six of two squares.
    """
    known = ends[::2, ::2]
    first, corners = known[:-1, :-1], (known[1:, :-1], known[:-1, 1:], known[1:, 1:])
    alike = np.pad(np.logical_and.reduce([first >= 0, *(first == other for other in corners)]), 1)
    _fill(ends[1::2, 1::2], first, alike[1:-1, 1:-1])
    _fill(ends[1::2, ::2], known[:-1], alike[1:-1, :-1] & alike[1:-1, 1:])
    _fill(ends[::2, 1::2], known[:, :-1], alike[:-1, 1:-1] & alike[1:, 1:-1])


def _fill(between: np.ndarray, end: np.ndarray, alike: np.ndarray) -> None:
    missing = alike & (between == _UNKNOWN)
    between[missing] = end[missing]


class _Follow:
    """Follows pixels; all of a cell flow to one place, and two that have come together go on as one from then on.

    Where a pixel goes depends on nothing but where it is.
    """

    def __init__(self, flow: np.ndarray, n_steps: int) -> None:
        sides = torch.tensor(flow.shape[:0:-1], dtype=torch.float64) - 1  # columns, then rows, as `grid_sample` wants
        field = torch.from_numpy(np.ascontiguousarray(flow[::-1], np.float32))
        self._field = (field * (2 / sides).float()[:, None, None])[None]
        self._sides, self._n_steps = sides.float(), n_steps

    @torch.inference_mode()
    def __call__(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Return the number of the pixel in which each ends, row by row, (N,) int64."""
        places = torch.from_numpy(np.stack([columns, rows], axis=1)).float() / self._sides * 2 - 1
        group, span = None, max(_LEAST_STEPS, self._n_steps // _MEETINGS)
        for start in range(0, self._n_steps, span):
            if start and len(places) > _FEW:
                places, group = _as_one(places, group, self._sides)
            places, last = self._steps(places, min(span, self._n_steps - start))
            if (last.abs() * self._sides).max() < 2 * ARRIVED_PX:
                break
        column, row = ((places + 1) * 0.5 * self._sides).long().T
        ends = row * (round(float(self._sides[0])) + 1) + column
        return (ends if group is None else ends[group]).numpy()

    def _steps(self, places: torch.Tensor, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the places after n steps, and the last step, (N, 2)."""
        places = places[None, None]
        for _ in range(n):
            step = torch.grid_sampler_2d(self._field, places, _BILINEAR, _ZEROS, False).permute(0, 2, 3, 1)
            places = (places + step).clamp_(-1, 1)
        return places[0, 0], step[0, 0]


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
