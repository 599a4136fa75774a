"""Regions drawn on an image on the Segment page: the slide with tools, and a table of what was drawn and by whom."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from cellapp.errors import CellappError, InputError
from cellapp.regions.coverage import pixels_of
from cellapp.regions.geojson import from_geojson, ring_of, to_geojson
from cellapp.store import regions as region_store
from cellapp.store.records import ImageRecord
from cellapp.store.regions import RegionRecord
from cellapp.types.drawn_regions import DrawnRegion, DrawnRegions
from cellapp.ui.components import viewer
from cellapp.ui.components.channel_controls import composition
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.components.uploaded import Uploaded, upload_field
from cellapp.ui.components.viewer_regions import drawn
from cellapp.ui.layout.image_regions import sentence_of
from cellapp.ui.layout.relabel import remember_visitor, visitor
from cellapp.ui.segment.edit_answers import answer_new, answers_of
from cellapp.ui.session import cache

KEEP, LEAVE_OUT = "Keep only inside", "Leave out"
_HEIGHT = 560
_REMOVED = "region_removed"


def region_editor(image: ImageRecord) -> None:
    """Draw an image with its regions, the tools that draw them, and their table."""
    grid = st.grid(3, min_column_width=230, gap="medium")
    left, right = grid.cell(column_span=2), grid.cell()
    with right:
        st.segmented_control(
            "New regions", [KEEP, LEAVE_OUT], default=KEEP, required=True, key="region_kind", persist_state="session"
        )
        remember_visitor(st.text_input("Your name", visitor(), key="region_who", max_chars=200))
    records = region_store.list_regions(image.id)
    with left:
        _viewer(image, records)
    with right:
        _region_captions(image, records)
        _files(image, records)
    _table(image, records)


def _viewer(image: ImageRecord, records: Sequence[RegionRecord]) -> None:
    key = f"region_answers_{image.id}"
    tools = viewer.Editing(
        "", 0, answers_of(key), lambda edits: answer_new(key, edits, lambda edit: _do(image, edit)), what="regions"
    )
    viewer.show_image(
        image,
        [cache.whole(image, composition(image, cache.overview(image)))],
        key=f"region_viewer_{image.id}",
        alt=f"{image.name} with the regions that runs are limited to",
        um_per_px=image.um_per_px,
        regions=drawn(_regions(records), [record.id for record in records]),
        editing=tools,
        height=_HEIGHT,
    )


def _do(image: ImageRecord, edit: Mapping[str, Any]) -> dict[str, Any]:
    """Do what was drawn or asked for in the viewer, and return what to answer."""
    if edit["kind"] == "delete":
        return _removed([str(region_id) for region_id in edit["cells"]])
    keep = st.session_state.get("region_kind", KEEP) == KEEP
    names = {record.region.name for record in region_store.list_regions(image.id)}
    name = next(word for n in range(1, len(names) + 2) if (word := f"Region {n}") not in names)
    region = DrawnRegion(name, ((_ring(edit["points"]),),), keep)
    if edit["kind"] == "redraw":
        record = region_store.redraw_region(str(edit["cells"][0]), region, visitor())
        return {"sentence": f"{record.region.name} drawn anew.", "changed": [record.id]}
    record = region_store.add_region(image.id, region, visitor())
    return {"sentence": f"{name} {'kept' if keep else 'left out'}.", "changed": [record.id]}


def _ring(points: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    try:
        return ring_of([(x, y) for y, x in points])
    except (ValueError, TypeError) as error:
        raise InputError("a region needs three corners at least; drag around it, or click its corners") from error


def _removed(region_ids: Sequence[str]) -> dict[str, Any]:
    for region_id in region_ids:
        region_store.remove_region(region_id)
    st.session_state[_REMOVED] = list(region_ids)
    n = len(region_ids)
    return {"sentence": f"{n} region{'s' * (n != 1)} deleted.", "changed": []}


def _region_captions(image: ImageRecord, records: Sequence[RegionRecord]) -> None:
    if not records:
        st.caption("Draw around what counts: the next runs look there only. Runs that are done stay as they are.")
    else:
        st.markdown(f"**{escape(sentence_of(_regions(records), image))}**")
        st.caption("A run takes the regions as they are when it starts. A cell belongs where its centre lies.")
    if st.session_state.get(_REMOVED) and st.button("Bring back", icon=":material/undo:", key="region_undo"):
        for region_id in st.session_state.pop(_REMOVED):
            region_store.restore_region(region_id)
        st.rerun()


def _table(image: ImageRecord, records: Sequence[RegionRecord]) -> None:
    """Draw the regions with names, what they are for, size and who drew them; what is changed there is kept at once."""
    if not records:
        return
    key = f"region_table_{image.id}"
    st.data_editor(
        _rows(image, records),
        key=key,
        hide_index=True,
        disabled=["area", "by"],
        column_config={
            "counts": st.column_config.SelectboxColumn("Counts", options=[KEEP, LEAVE_OUT], required=True),
            "name": st.column_config.TextColumn("Name", max_chars=100, required=True),
            "area": st.column_config.TextColumn("Area"),
            "by": st.column_config.TextColumn("By"),
            "delete": st.column_config.CheckboxColumn("Delete", width="small"),
        },
        on_change=_change,
        args=(key, [record.id for record in records]),
    )


def _rows(image: ImageRecord, records: Sequence[RegionRecord]) -> pd.DataFrame:
    shape, scale = image.info.shape[1:], image.um_per_px
    areas = [sum(pixels_of(polygon, shape) for polygon in record.region.polygons) for record in records]
    return pd.DataFrame(
        {
            "name": [record.region.name for record in records],
            "counts": [KEEP if record.region.keep else LEAVE_OUT for record in records],
            "area": [f"{px * scale**2 / 1e6:.3g} mm²" if scale else f"{px:,} px²" for px in areas],
            "by": [record.who for record in records],
            "delete": False,
        }
    )


def _change(key: str, region_ids: Sequence[str]) -> None:
    """Keep what was changed in the table."""
    try:
        for row, changed in st.session_state[key]["edited_rows"].items():
            region_id = region_ids[int(row)]
            if changed.get("delete"):
                _removed([region_id])
            else:
                keep = changed["counts"] == KEEP if "counts" in changed else None
                region_store.change_region(region_id, name=changed.get("name"), keep=keep, who=visitor())
    except CellappError as error:
        st.toast(escape(str(error)), icon=":material/error:")


def _files(image: ImageRecord, records: Sequence[RegionRecord]) -> None:
    """Offer the regions as a file that QuPath opens, and take such a file."""
    with st.popover("GeoJSON of QuPath", icon=":material/swap_vert:"):
        st.download_button(
            "Download regions",
            json.dumps(to_geojson(_regions(records)), indent=1),
            f"{image.name}.geojson",
            "application/geo+json",
            icon=":material/download:",
            disabled=not records,
            key="region_download",
            on_click="ignore",
        )
        n_before = st.session_state.setdefault("region_files_taken", 0)
        label = "Take those of a file, in place of these"
        files = upload_field(label, types=["geojson", "json"], key=f"region_file_{n_before}")
        if files and st.button("Take them", key="region_take"):
            _take(image, files[0])


def _take(image: ImageRecord, file: Uploaded) -> None:
    try:
        tree = _parsed(file)
        region_store.replace_regions(image.id, from_geojson(tree, image.info.shape[1:], file.name), visitor())
    except CellappError as error:
        show_error(error)
        return
    file.let_go()
    st.session_state["region_files_taken"] += 1  # another key empties the field
    st.rerun()


def _parsed(file: Uploaded) -> Any:
    try:
        return json.loads(file.content())
    except (ValueError, RecursionError) as error:
        reason = f"{file.name!r} cannot be read as GeoJSON; export the annotations from QuPath as GeoJSON"
        raise InputError(reason) from error


def _regions(records: Sequence[RegionRecord]) -> DrawnRegions:
    return DrawnRegions(tuple(record.region for record in records))
