"""Offer to join images that are the tiles of a grid by their names."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cellapp.errors import CellappError
from cellapp.images.tile_grid import TileGrid, group_tiles
from cellapp.store import joined_images
from cellapp.store.records import ImageRecord
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.session.page_state import choose

_GRIDS_SHOWN = 4


def tile_groups(records: Sequence[ImageRecord]) -> list[tuple[TileGrid, list[ImageRecord]]]:
    """Return the grids among images of one size and equally many channels, with their tiles that are there."""
    single = {record.name: record for record in records if not record.parts}
    found = []
    for grid in group_tiles(list(single)):
        tiles = [single[name] for name in grid.files if name not in grid.missing]
        if len({tile.info.shape for tile in tiles}) == 1:
            found.append((grid, tiles))
    return found


def join_tiles(project_id: str, records: Sequence[ImageRecord]) -> None:
    """Draw what can be joined, or which tile is missing for that."""
    for grid, tiles in tile_groups(records)[:_GRIDS_SHOWN]:
        with st.container(border=True):
            st.markdown(f"**{escape(grid.name)}** seems to come as {grid.size} tiles:")
            if grid.missing:
                names = ", ".join(grid.missing[:5]) + (" …" if len(grid.missing) > 5 else "")
                st.caption(escape(f"Add {names} as well to join them."))
                continue
            st.caption("They are put edge to edge; overlaps are not looked for.")
            if st.button(
                f"Join {len(tiles)} tiles into one image", icon=":material/grid_on:", key=f"tiles_{tiles[0].id}"
            ):
                _join(project_id, grid, tiles)


def _join(project_id: str, grid: TileGrid, tiles: Sequence[ImageRecord]) -> None:
    try:
        joined = joined_images.join_tile_images(
            project_id, [tile.id for tile in tiles], len(grid.rows[0]), name=grid.name
        )
    except CellappError as error:
        show_error(error)
        return
    choose("image", joined.id)
    st.rerun()
