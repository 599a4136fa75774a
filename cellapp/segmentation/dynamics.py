"""From flows to masks by Cellpose's dynamics, and the check of masks against flows, in less work on a processor."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from cellapp.segmentation import cellpose_api
from cellapp.segmentation.label_image import relabel, resize_labels
from cellapp.segmentation.mask_flows import mask_flows
from cellapp.segmentation.network_tiles import resize_flow

STEPS = 200  # for cells of the diameter that a network was trained at
FLOW_GAIN = 5  # networks predict five times the flow
CHECK_DIAMETER_PX = 20.0  # larger cells are shrunk to it for the flow check


def follow_flows(
    flow: np.ndarray,
    probability: np.ndarray,
    *,
    n_steps: int,
    cellprob_threshold: float,
    min_size_px: int,
    device: Any,
    by_library: bool = False,
) -> np.ndarray:
    """Integrate pixels along the flows and label those that converge; masks are not checked against the flows.

    On a processor pixels are followed by `arrivals`, which gives the library's masks in a tenth of the time, and
    labelled without the library, whose import takes longer than that.

    Parameters
    ----------
    flow : ndarray of shape (2, Y, X), float32
        Five times the flow.
    probability : ndarray of shape (Y, X), float32
    n_steps : int
        `STEPS` for cells of the diameter that the network was trained at, more for larger ones.
    cellprob_threshold : float
    min_size_px : int
    device : torch.device
    by_library : bool
        Follow every pixel through every step by ``cellpose.dynamics``.

    Returns
    -------
    ndarray of shape (Y, X), int32
        Ids 1..n.
    """
    inside = probability > cellprob_threshold
    if not inside.any():
        return np.zeros(probability.shape, np.int32)
    pixels = np.nonzero(inside)
    flow = flow * inside / FLOW_GAIN
    if by_library or device.type != "cpu":
        ends = cellpose_api.step_each(flow, pixels, n_steps, device)
        return relabel(cellpose_api.masks_of_ends(ends, pixels, inside.shape, min_size_px))
    from cellapp.segmentation.arrivals import arrivals  # imports torch
    from cellapp.segmentation.end_masks import masks_of_ends

    return relabel(masks_of_ends(arrivals(flow, pixels, n_steps=n_steps), pixels, inside.shape, min_size_px))


def drop_inconsistent(
    labels: np.ndarray, flow: np.ndarray, diameter_px: float, *, flow_threshold: float, by_library: bool = False
) -> np.ndarray:
    """Drop masks whose flows, computed from their shape, differ from those of the network.

    Cellpose computes the flows of masks by as many rounds of diffusion as the largest cell is wide, at the size of the
    image, which takes most of the time where cells are large. Masks shrunk to 20 px give the same decisions.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), int32
        Ids 1..n; those too small to show at the smaller scale stay.
    flow : ndarray of shape (2, Y, X), float32
        Five times the flow.
    diameter_px : float
    flow_threshold : float
        Largest mean squared difference allowed; 0 keeps all.
    by_library : bool
        Compute the flows of masks by ``cellpose.dynamics`` and not by `mask_flows`.

    Returns
    -------
    ndarray of shape (Y, X), int32
        Ids 1..n.
    """
    if flow_threshold == 0 or not labels.any():
        return labels
    scale = min(1.0, CHECK_DIAMETER_PX / diameter_px)
    shape = tuple(max(1, round(side * scale)) for side in labels.shape)
    small, ids = resize_labels(labels, shape), np.arange(1, labels.max() + 1)
    if scale < 1:
        flow = resize_flow(flow, shape)
        ids = np.setdiff1d(small, 0)
    errors = _flow_errors(relabel(small), flow, by_library) if ids.size else np.zeros(0)
    return relabel(np.where(np.isin(labels, ids[errors > flow_threshold]), 0, labels))


def _flow_errors(labels: np.ndarray, flow: np.ndarray, by_library: bool) -> np.ndarray:
    """Return the mean squared difference of both flows over each of the cells 1..n."""
    if by_library:
        return cellpose_api.flow_errors(labels, flow)
    squares = ((mask_flows(labels) - flow / FLOW_GAIN) ** 2).sum(axis=0)
    return ndimage.mean(squares, labels, np.arange(1, labels.max() + 1))
