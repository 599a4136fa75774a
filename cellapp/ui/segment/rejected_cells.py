"""Cells that the quality rules would reject, by reason, as pictures: nothing goes silently."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.cells.crop import crop
from cellapp.rendering.annotations import draw_outlines
from cellapp.rendering.colours import class_colour
from cellapp.segmentation.preview import PreviewFlows
from cellapp.settings import CropSettings
from cellapp.types.cells import LabelMask
from cellapp.ui.components.channel_controls import Composition

_SIDE_PX = 72
_COLUMNS = 12
_MOST = 36


def rejected_cells(
    flows: PreviewFlows, mask: LabelMask, cells: pd.DataFrame, look: Composition, channels: tuple[str, ...]
) -> None:
    """Draw one strip of crops for each reason.

    Parameters
    ----------
    flows : PreviewFlows
    mask : LabelMask
    cells : DataFrame
        Judged cells of the region, see `cellapp.ui.segment.region_cells.assess_region`.
    look : Composition
    channels : tuple of str
    """
    rejected = cells[~cells["qc_pass"]]
    if rejected.empty:
        st.caption("No cell of this region is rejected.")
        return
    for reason, group in rejected.groupby("qc_reason"):
        st.markdown(f"**{len(group):,}** {reason}")
        strip = contact_sheet(flows, mask, group.iloc[:_MOST], look, channels)
        st.image(strip, alt=f"{min(len(group), _MOST)} cells rejected because: {reason}")
        if len(group) > _MOST:
            st.caption(f"The first {_MOST} of {len(group):,}.")


def contact_sheet(
    flows: PreviewFlows, mask: LabelMask, cells: pd.DataFrame, look: Composition, channels: tuple[str, ...]
) -> np.ndarray:
    """Put the crops of some cells side by side, each outlined.

    Returns
    -------
    ndarray of shape (Y, X, 3), uint8
        Rows of twelve crops.
    """
    crops = crop(flows.raw, mask, cells, CropSettings(size_px=_SIDE_PX), channels=channels, with_inside=True)
    pictures = [_picture(pixels, inside, look) for pixels, inside in zip(crops.pixels, crops.inside, strict=True)]
    n_columns = min(len(pictures), _COLUMNS)
    blank = np.zeros_like(pictures[0])
    pictures += [blank] * (-len(pictures) % n_columns)
    rows = [np.hstack(pictures[i : i + n_columns]) for i in range(0, len(pictures), n_columns)]
    return np.vstack(rows)


def _picture(pixels: np.ndarray, inside: np.ndarray, look: Composition) -> np.ndarray:
    drawn = draw_outlines(look.draw(pixels), inside.astype(np.int32), class_colour("rejected"))
    return np.pad(drawn, ((1, 1), (1, 1), (0, 0)))
