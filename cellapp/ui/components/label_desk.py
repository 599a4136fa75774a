"""A grid of cells that get classes by one key each; markup, style and scripts are in desk/.

Labels travel to the HTTP API, not through the page: a key costs no rerun. The page is asked for the next cells after
every few labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from cellapp.ui.components import scale_bar
from cellapp.ui.components.scale_bar import ScaleBar

_FILES = Path(__file__).with_name("desk")
FOLLOW_EVERY = 10
"""After so many labels the page is asked for the next cells."""


@dataclass(frozen=True)
class DeskTile:
    """One cell on the desk."""

    key: str  # "image id/cell id"
    image: str  # image id
    cell: int
    uri: str  # of the cell with what is around it
    zoom: float  # by which the tile shows less of it
    bar: ScaleBar  # of what the tile shows
    y: float  # on the slide, px
    x: float
    label: str  # "" without one
    source: str  # of the label: "hand", "column", "table" or "cluster"
    who: str
    disputed: bool
    words: tuple[str, ...]  # lines of the card
    note: str = ""  # under the picture while there is no label


@dataclass(frozen=True)
class DeskClass:
    """A class, in the order of the keys."""

    name: str
    letter: str
    colour: str
    positive: bool


@dataclass(frozen=True)
class DeskImage:
    """An image whose cells are labelled."""

    name: str
    n: int  # cells
    uri: str  # address of the thumbnail
    height: int  # px
    width: int


@dataclass(frozen=True)
class DeskReport:
    """What the desk asks of the page, each once."""

    like: str | None = None  # key of a cell: more like this one
    slide: str | None = None  # key of a cell: show it on the slide


def show_desk(
    tiles: Sequence[DeskTile],
    classes: Sequence[DeskClass],
    images: Mapping[str, DeskImage],
    *,
    run_id: str,
    version: str,
    counts: Mapping[str, int],
    image_counts: Mapping[str, int],
    queue: bool,
    shown: str,
    n_left: int,
    none: str,
    can_like: bool,
    who: str,
    tile_px: int = 104,
    on_follow: Callable[[], None] | None = None,
) -> DeskReport:
    """Draw the desk.

    Parameters
    ----------
    tiles : sequence of DeskTile
        The next few dozen; what is in place already stays there.
    classes : sequence of DeskClass
    images : mapping of image id to DeskImage
    run_id : str
    version : str
        Of the labels that `tiles` and counts show, see `cellapp.store.label_version`.
    counts, image_counts : mapping
        Labelled cells by class and by image.
    queue : bool
        Whether tiles are cells to label, which go by; else they are looked through.
    shown : str
        Changes when other cells are shown, so that nothing stays in place.
    n_left : int
        Cells without a label.
    none : str
        Sentence in place of the grid where there are no tiles.
    can_like : bool
        Whether cells can be ordered by likeness.
    who : str
        Name that the page knows of the visitor; the browser keeps it.
    tile_px : int
        Smallest width of a tile.
    on_follow : callable, optional
        Called when the next cells are asked for, before the page is drawn again.
    """
    data = {
        "run": run_id,
        "version": version,
        "tiles": [asdict(tile) for tile in tiles],
        "classes": [asdict(one) for one in classes],
        "images": {image_id: asdict(image) for image_id, image in images.items()},
        "counts": dict(counts),
        "image_counts": dict(image_counts),
        "queue": queue,
        "shown": shown,
        "n_left": n_left,
        "none": none,
        "can_like": can_like,
        "who": who,
        "tile_px": tile_px,
        "at_most": len(tiles) + 24,
        "every": FOLLOW_EVERY,
    }
    result = _component()(
        key=desk_key(run_id),
        data=data,
        on_follow_change=on_follow or _nothing,
        on_like_change=_nothing,
        on_slide_change=_nothing,
        on_who_change=_nothing,
    )
    return DeskReport(result.like, result.slide)


def desk_key(run_id: str) -> str:
    """Return the widget key of the desk of a run."""
    return f"label_desk_{run_id}"


def desk_state(run_id: str, name: str) -> Any:
    """Return what the desk of a run last said of `name`: "who", or within its callback "follow"."""
    return (st.session_state.get(desk_key(run_id)) or {}).get(name)


def _nothing() -> None:
    pass


def _text(file: str) -> str:
    return (_FILES / file).read_text(encoding="utf-8")


@cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component(
        "cellapp_label_desk",
        html=_text("desk.html"),
        css=_text("desk.css") + scale_bar.CSS,
        js="\n".join((scale_bar.JS, *map(_text, ("label_log.js", "desk_view.js", "desk.js")))),
    )
