"""Cells with their maps as figures show them, and the buttons that save those figures for print."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import pandas as pd
import streamlit as st

from cellapp.files import safe_stem
from cellapp.pipeline.cell_figures import ShownCell, cell_outlines
from cellapp.pipeline.encoder_crops import RawCrop, raw_crops
from cellapp.rendering.composition import Composition
from cellapp.rendering.map_figure import MapFigure, Panel, panel_pixels
from cellapp.rendering.signed_maps import MapStyle
from cellapp.segmentation.label_image import LazyLabels
from cellapp.settings import CropMode, CropSettings
from cellapp.store.records import ImageRecord
from cellapp.types.cells import LabelMask
from cellapp.ui.explain.cell_maps import CellExplanation
from cellapp.ui.layout.cell_thumbnails import encoded, labels_of, nuclei_of
from cellapp.ui.session import cache
from cellapp.ui.session.kept import digest_of, kept
from cellapp.ui.session.results import Results, Version
from cellapp.viewer.offered_pictures import offer


def encoder_crops_of(
    results: Results, image: ImageRecord, cells: pd.DataFrame, settings: CropSettings | None = None
) -> dict[int, RawCrop]:
    """Return the raw pixels of some cells of one image, cut as for the run's encoder; no model is needed.

    Parameters
    ----------
    results : Results
    image : ImageRecord
    cells : DataFrame
        Rows of the run's table, all of this image.
    settings : CropSettings, optional
        How another head has cells cut.
    """
    ids, made = tuple(cells["cell_id"].astype(int)), results.provenance
    if not ids:
        return {}
    of_run = made.get("encoder_crop") or CropSettings(mode=CropMode.LETTERBOXED)
    settings = settings or CropSettings.model_validate(of_run)
    angle = float(made.get("encoder_angle_deg") or 0.0)
    nuclei = nuclei_of(results.folder / cells["stem"].iloc[0])
    key = (results.run.id, results.version, cache.identity(image), ids, settings.model_dump_json(), angle)
    return _crops(*key, nuclei is not None, settings, results, image, cells, nuclei)


@st.cache_resource(max_entries=16, show_spinner=False)
def _crops(
    run_id: str,
    version: Version,
    identity: cache.Identity,
    ids: tuple[int, ...],
    made: str,
    angle: float,
    with_nuclei: bool,
    _settings: CropSettings,
    _results: Results,
    _image: ImageRecord,
    _cells: pd.DataFrame,
    _nuclei: LazyLabels | None,
) -> dict[int, RawCrop]:
    crops = raw_crops(
        cache.slide(_image),
        LabelMask(labels_of(_results.folder / _cells["stem"].iloc[0]), ""),
        _cells.set_index("cell_id"),
        _settings,
        channels=_image.channels,
        roles=_image.roles,
        angle_deg=angle,
        nuclei=_nuclei,
    )
    return dict(zip(ids, crops, strict=True))


def shown_cells(
    crops: Mapping[int, RawCrop],
    cells: pd.DataFrame,
    explained: Mapping[int, CellExplanation],
    image: ImageRecord,
    shown: Composition,
) -> list[ShownCell]:
    """Return the cells that have a map, in the order of `cells`.

    Parameters
    ----------
    crops : mapping of int to RawCrop
        By cell id.
    cells : DataFrame
        Cells of one image.
    explained : mapping of int to CellExplanation
        By cell id.
    image : ImageRecord
    shown : Composition
        Colours and windows of the channels.
    """
    rows = []
    for cell in cells.to_dict("records"):
        one = explained.get(int(cell["cell_id"]))
        if one is None:
            continue
        crop = crops[int(cell["cell_id"])]
        rows.append(
            ShownCell(
                int(cell["cell_id"]),
                str(cell["outcome"]),
                float(cell[f"p_{one.target}"]),
                shown.draw(crop.pixels),
                cell_outlines(crop),
                one.map,
                one.logit,
                wrong_label(cell),
            )
        )
    return rows


def wrong_label(cell: Mapping[str, object]) -> str:
    """Return the class that somebody gave a cell, where the call is another; else ""."""
    given = str(cell.get("manual_label") or "")
    return given if given != cell.get("label") else ""


def map_uris(cells: list[ShownCell], limit: float, style: MapStyle) -> dict[int, str]:
    """Return the address of a picture of the map over each cell."""

    def make(one: ShownCell) -> bytes:
        return encoded(panel_pixels(Panel(one.picture, one.values), limit, style))

    keys = [(digest_of(one.picture, one.values), limit, style) for one in cells]
    made = [kept("map over cell", *key, make=partial(make, one)) for key, one in zip(keys, cells, strict=True)]
    return {one.cell_id: offer(picture) for one, picture in zip(cells, made, strict=True)}


def channels_alone(crop: RawCrop, image: ImageRecord, shown: Composition) -> dict[str, object]:
    """Return the rendering of each channel by its name."""
    n_channels = len(image.channels)
    alone = [replace(shown, hidden=tuple({*range(n_channels)} - {i})) for i in range(n_channels)]
    return {name: one.draw(crop.pixels) for name, one in zip(image.channels, alone, strict=True)}


def save_figures(figures: Mapping[str, tuple[str, Callable[[], MapFigure]]], key: str) -> None:
    """Draw a menu that saves figures as SVG and as PNG at print resolution; a figure is drawn when it is asked for.

    Parameters
    ----------
    figures : mapping of label to (file name without ending, function that draws)
    key : str
        Prefix of widget keys.
    """
    menu = st.popover("Save figures", icon=":material/download:", key=key, on_change="rerun")
    if not menu.open:
        return
    with menu:
        for label, (name, draw) in figures.items():
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(label, width=210)
                for ending, mime, make in (("svg", "image/svg+xml", _svg), ("png", "image/png", _png)):
                    st.download_button(
                        ending.upper(),
                        data=make(draw),
                        file_name=f"{safe_stem(name)}.{ending}",
                        mime=mime,
                        key=f"{key}_{name}_{ending}",
                        on_click="ignore",
                        type="tertiary",
                    )
    st.caption("PNG has 300 dots per inch; SVG stays sharp at any size.")


def _svg(draw: Callable[[], MapFigure]) -> Callable[[], str]:
    return lambda: draw().svg()


def _png(draw: Callable[[], MapFigure]) -> Callable[[], bytes]:
    return lambda: draw().png()
