"""Labels of files as the cells of a run, and which images are corrected already."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from cellapp.errors import CellappError
from cellapp.exports.report.words import counted
from cellapp.files import clean_name
from cellapp.imports.label_file import SUFFIXES
from cellapp.jobs.import_labels import import_labels
from cellapp.jobs.retrain_segmenter import CorrectedImage
from cellapp.settings import AnalyseSettings
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.components.uploaded import Uploaded, upload_field
from cellapp.ui.layout.frame import SEGMENT_PAGE
from cellapp.ui.layout.run_panel import follow_run
from cellapp.ui.session.page_state import PageState, choose

_HELP = (
    "Label images (TIFF, PNG), _seg.npy of Cellpose, ROIs of ImageJ (.zip), GeoJSON of QuPath, a COCO file or run "
    "lengths (.csv). Each is called like its image, with what programs put after it, such as a_masks.png for a.tif."
)


def import_section(page: PageState, corrected: Sequence[CorrectedImage]) -> None:
    """Draw how many images have corrected outlines, and the field for files of labels."""
    st.subheader("1. Right outlines")
    st.markdown(_correction_sentence(corrected, len(page.images)))
    n_before = st.session_state.setdefault("labels_imported", 0)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.page_link(SEGMENT_PAGE, label="Correct outlines on Segment", icon=":material/edit:", width="content")
    with st.expander("Bring in labels of files", icon=":material/upload_file:", expanded=not corrected):
        files = upload_field(
            "Files of labels",
            types=[suffix.removeprefix(".") for suffix in (*SUFFIXES, ".csv")],
            accept_multiple_files=True,
            key=f"label_files_{n_before}",
            help=_HELP,
        )
        if st.button("Take them as cells", icon=":material/check:", key="import_labels", disabled=not files):
            _import(page, files)
    if page.run is not None and page.run.status.active and page.run.id == st.session_state.get("imported_run"):
        follow_run(page.run)


def _correction_sentence(corrected: Sequence[CorrectedImage], n_images: int) -> str:
    if not corrected:
        return "No image has outlines that somebody made or corrected yet."
    edited = sum(1 for one in corrected if one.n_edits)
    parts = [f"{edited:,} edited by hand"] if edited else []
    parts += [f"{len(corrected) - edited:,} from files"] if len(corrected) > edited else []
    return f"**{len(corrected):,} of {n_images:,} images** have outlines taken as right: {', '.join(parts)}."


def _import(page: PageState, files: Sequence[Uploaded]) -> None:
    classify = page.run.settings.classify if page.run else AnalyseSettings().classify
    try:
        with tempfile.TemporaryDirectory() as folder, st.spinner("Reading labels"):
            paths = [Path(folder) / clean_name(file.name) for file in files]
            for path, file in zip(paths, files, strict=True):
                file.write_to(path)
            run = import_labels(page.project.id, paths, AnalyseSettings(classify=classify))
    except CellappError as error:
        show_error(error)
        return
    st.toast(
        f"{escape(run.name)} takes the cells of {counted(len(run.images), 'image')} from files.",
        icon=":material/check:",
    )
    for file in files:
        file.let_go()
    st.session_state["labels_imported"] += 1  # another key empties the field
    st.session_state["imported_run"] = run.id
    choose("run", run.id)
    st.rerun()
