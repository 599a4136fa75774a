"""A grid of cell pictures that can be ticked, picked or acted on, by mouse or keyboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from cellapp.ui.components import scale_bar
from cellapp.ui.components.scale_bar import NO_BAR, ScaleBar

_HERE = Path(__file__).parent
ORDERS = {
    "Most unsure first": ("margin", True),
    "Highest probability first": ("p", False),
    "Lowest probability first": ("p", True),
    "Largest first": ("area_px", False),
    "Smallest first": ("area_px", True),
}
"""What a gallery can be sorted by: the column and whether small values come first; "p" is the positive class."""


@dataclass(frozen=True)
class Tile:
    """One picture of the gallery."""

    key: str  # what a tick gives back
    uri: str  # address of the picture, see `cellapp.viewer.offered_pictures`
    caption: str
    letter: str  # of the class, so that colour is never alone
    colour: str
    note: str  # hover and alternative text
    bar: ScaleBar = NO_BAR
    action: str = ""  # of the button below it, see `act_on_tiles`


def show_gallery(tiles: Sequence[Tile], *, key: str, tile_px: int = 104) -> list[str]:
    """Draw tiles and return the keys of those that are ticked.

    Parameters
    ----------
    tiles : sequence of Tile
        A page of a few dozen.
    key : str
        Widget key; ticks are kept under it.
    tile_px : int
        Smallest width of a tile.
    """
    before = (st.session_state.get(key) or {}).get("ticked") or ()
    data = {"tiles": [asdict(tile) for tile in tiles], "ticked": list(before), "tile_px": tile_px}
    result = _component()(key=key, data=data, on_ticked_change=lambda: None)
    return [tile.key for tile in tiles if tile.key in (result.ticked or ())]


def pick_tile(tiles: Sequence[Tile], chosen: str, *, key: str, tile_px: int = 104) -> str | None:
    """Draw tiles of which one is chosen and return the key of another when it was just picked.

    Parameters
    ----------
    tiles : sequence of Tile
    chosen : str
        Key of the tile shown as chosen.
    key : str
        Widget key.
    tile_px : int
        Smallest width of a tile.
    """
    data = {"tiles": [asdict(tile) for tile in tiles], "ticked": [chosen], "tile_px": tile_px, "one": True}
    return _component()(key=key, data=data, on_picked_change=lambda: None).picked


def act_on_tiles(tiles: Sequence[Tile], *, key: str, tile_px: int = 104) -> str | None:
    """Draw tiles with a button of their own each and return the key of the one whose button was just pressed.

    Parameters
    ----------
    tiles : sequence of Tile
        Those without an action have no button.
    key : str
        Widget key.
    tile_px : int
        Smallest width of a tile.
    """
    data = {"tiles": [asdict(tile) for tile in tiles], "ticked": [], "tile_px": tile_px, "acts": True}
    return _component()(key=key, data=data, on_acted_change=lambda: None).acted


def sort_cells(cells: pd.DataFrame, order: str, *, target: str = "") -> pd.DataFrame:
    """Sort cells for a gallery.

    Parameters
    ----------
    cells : DataFrame
    order : str
        Key of `ORDERS`.
    target : str
        The positive class; without one (no head) probabilities and doubt do not exist and size decides.
    """
    column, ascending = ORDERS[order]
    column = f"p_{target}" if column == "p" else column
    if column not in cells:
        return cells.sort_values("area_px", ascending=False, kind="stable")
    return cells.sort_values(column, ascending=ascending, kind="stable", na_position="last")


def page_of(n_cells: int, *, size: int, key: str) -> slice:
    """Let the visitor choose a page and return which cells are on it."""
    n_pages = max(-(-n_cells // size), 1)
    page = 1
    if n_pages > 1:
        st.session_state[key] = min(max(int(st.session_state.get(key, 1)), 1), n_pages)
        page = int(st.number_input(f"Page, of {n_pages:,}", 1, n_pages, key=key, width=140))
    return slice((page - 1) * size, page * size)


@cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component(
        "cellapp_gallery",
        html='<div class="gallery" role="group" aria-label="Cells"></div>\n',
        css=(_HERE / "gallery.css").read_text(encoding="utf-8") + scale_bar.CSS,
        js=scale_bar.JS + (_HERE / "gallery.js").read_text(encoding="utf-8"),
    )
