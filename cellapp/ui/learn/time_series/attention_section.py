"""What the call of a sequence rests on: weights along time, and on the patches of an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cellapp.errors import StoreError
from cellapp.pipeline.growth import grey_plane
from cellapp.rendering.patch_attention import ATTENTION_COLOUR, attention_picture
from cellapp.segmentation.confluency import stretched
from cellapp.store.images import get_shown_image
from cellapp.store.open_image import open_slide
from cellapp.training.lines.patches import PATCH_PX
from cellapp.ui.components.charts import chart_config, styled
from cellapp.ui.components.messages import escape


def attention_section(folder: Path, sequence: pd.Series, key: str) -> None:
    """Draw the weights of one sequence.

    Parameters
    ----------
    folder : Path
        Holds ``attention.csv``.
    sequence : Series
        A row of ``held_out.csv`` or ``predictions.csv``.
    key : str
        Prefix of widget keys.
    """
    weights = _weights(str(folder / "attention.csv"), (folder / "attention.csv").stat().st_mtime_ns)
    mine = weights[weights["sequence"] == sequence["sequence"]]
    if mine.empty:
        return
    times = mine.groupby("time_h")["weight"].sum()
    name = str(sequence["sequence"])
    st.markdown(f"**What {escape(name)} rests on**")
    halves = st.grid(2, min_column_width=380, gap="medium")
    with halves.cell():
        st.plotly_chart(
            _along_time(times),
            key=f"attention_time_{key}",
            config=chart_config("attention"),
            alt="Share of the attention that each time gets; all shares sum to 1",
        )
    with halves.cell():
        hours = float(times.idxmax())
        if len(times) > 1:
            hours = float(
                st.select_slider(
                    "Time, h",
                    times.index.tolist(),
                    hours,
                    format_func=lambda at: f"{at:.1f}",
                    key=f"attention_at_{key}_{name}",
                )
            )
        _patches(mine[mine["time_h"] == hours])


def _along_time(times: pd.Series) -> go.Figure:
    figure = go.Figure()
    figure.add_scatter(
        x=times.index,
        y=100 * times,
        mode="lines+markers",
        line={"color": ATTENTION_COLOUR, "width": 2},
        marker={"size": 8},
        hovertemplate="%{x:.1f} h: %{y:.0f} % of the attention<extra></extra>",
        showlegend=False,
    )
    figure.update_xaxes(title_text="time, h")
    figure.update_yaxes(title_text="attention, %", rangemode="tozero")
    return styled(figure, "Attention along time", height=320)


def _patches(patches: pd.DataFrame) -> None:
    """Draw the patches of one image on it."""
    image_id = str(patches["image_id"].iloc[0])
    try:
        get_shown_image(image_id)
    except StoreError:
        st.caption("This image is no longer in the project.")
        return
    plane = _plane(image_id)
    drawn = attention_picture(
        plane, patches[["y", "x"]].to_numpy(int), min(PATCH_PX, *plane.shape), patches["weight"].to_numpy()
    )
    st.image(drawn, caption=str(patches["file"].iloc[0]), alt="The image with its patches; the fuller, the more weight")
    st.caption("The fuller a patch, the more the call rests on it.")


@st.cache_data(max_entries=8, show_spinner="Reading the image")
def _plane(image_id: str) -> np.ndarray:
    return stretched(grey_plane(open_slide(image_id)))


@st.cache_data(max_entries=4, show_spinner=False)
def _weights(path: str, changed: int) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"file": str, "image_id": str, "sequence": str})
