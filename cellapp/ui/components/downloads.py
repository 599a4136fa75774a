"""Download buttons for the files of a run; a file is read from disk only when its button is clicked."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import streamlit as st

from cellapp.exports.mask_pictures import run_masks, write_run_masks
from cellapp.exports.refresh import refresh_run_files
from cellapp.exports.zip_bundle import bundle_files, write_bundle
from cellapp.jobs.make_run_crops import images_without_crops
from cellapp.store.records import RunRecord
from cellapp.store.runs import run_folder
from cellapp.ui.components.crops_offer import offer_crops
from cellapp.ui.components.sizes import size_text

_OF_IMAGE = (
    ("crops.zip", "Crops, raw and annotated (ZIP)", ":material/grid_view:"),
    ("cells.csv", "Cell table (CSV)", ":material/table_chart:"),
    ("cells.parquet", "Cell table (Parquet)", ":material/table_chart:"),
    ("outlines.geojson", "Outlines for QuPath (GeoJSON)", ":material/polyline:"),
    ("labels.tif", "Label image (TIFF)", ":material/layers:"),
    ("overlay.png", "Overlay (PNG)", ":material/image:"),
    ("run.json", "Settings and versions (JSON)", ":material/receipt_long:"),
)
_OF_RUN = (
    ("report.html", "Report of the run (HTML)", ":material/description:"),
    ("summary.csv", "Summary of all images (CSV)", ":material/table_chart:"),
)
_MIME = {
    ".zip": "application/zip",
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".geojson": "application/geo+json",
    ".tif": "image/tiff",
    ".png": "image/png",
    ".json": "application/json",
    ".html": "text/html",
}


@dataclass(frozen=True)
class Download:
    """A file in the folder of a run, and the button that downloads it under another name."""

    path: Path
    label: str
    icon: str
    file_name: str


def image_downloads(folder: Path) -> list[Download]:
    """List the files of one image's folder that exist; saved names start with the folder's."""
    return [
        Download(folder / name, label, icon, f"{folder.name}_{name}")
        for name, label, icon in _OF_IMAGE
        if (folder / name).exists()
    ]


def run_downloads(folder: Path) -> list[Download]:
    """List the files of the whole run that exist."""
    return [
        Download(folder / name, label, icon, f"{folder.name}_{name}")
        for name, label, icon in _OF_RUN
        if (folder / name).exists()
    ]


def show_downloads(
    run: RunRecord, stem: str | None, *, key: str, label: str = "Download", primary: bool = False
) -> None:
    """Draw the menu of downloads with their sizes, and the offer to make crops that are not there.

    Parameters
    ----------
    run : RunRecord
    stem : str, optional
        Folder name of the image looked at; only files of the whole run when left out.
    key : str
        Prefix of widget keys.
    label : str
        Of the menu's button.
    primary : bool
        Whether it is the primary button of the page.
    """
    menu = st.popover(
        label,
        icon=":material/download:",
        type="primary" if primary else "secondary",
        key=key,
        on_change="rerun",
        help="Files of this run",
    )
    if not menu.open:
        return
    folder = run_folder(run.id)
    refresh_run_files(folder)
    with menu:
        offer_crops(run, key)
        if stem and (folder / stem).is_dir():
            st.caption("This image")
            for file in image_downloads(folder / stem):
                _button(file, key)
        st.caption("Whole run")
        for file in run_downloads(folder):
            _button(file, key)
        _masks_button(folder, key)
        _bundle_button(folder, key, "" if not images_without_crops(run) else ", without crops")


def file_button(path: Path, said: str, file_name: str) -> None:
    """Draw the button of one file, under a name of its own."""
    _button(Download(path, said, ":material/download:", file_name), file_name)


def _button(file: Download, key: str) -> None:
    st.download_button(
        f"{file.label}, {size_text(file.path.stat().st_size)}",
        data=partial(_open, file.path),
        file_name=file.file_name,
        mime=_MIME.get(file.path.suffix),
        icon=file.icon,
        key=f"{key}_{file.path.name}",
        on_click="ignore",
        type="tertiary",
    )


def _bundle_button(folder: Path, key: str, lacking: str) -> None:
    files = bundle_files(folder)
    total = sum(path.stat().st_size for path in files)
    st.download_button(
        f"Everything{lacking}, {len(files):,} files (ZIP), {size_text(total)}",
        data=partial(_pack, folder),
        file_name=f"{folder.name}.zip",
        mime=_MIME[".zip"],
        icon=":material/folder_zip:",
        key=f"{key}_everything",
        on_click="ignore",
        type="tertiary",
        disabled=not files,
    )


def _masks_button(folder: Path, key: str) -> None:
    n_images = len(run_masks(folder))
    if n_images:
        st.download_button(
            f"Masks and run lengths, {n_images:,} image{'s' * (n_images != 1)} (ZIP)",
            data=partial(_pack_masks, folder),
            file_name=f"{folder.name}_masks.zip",
            mime=_MIME[".zip"],
            icon=":material/texture:",
            key=f"{key}_masks",
            on_click="ignore",
            type="tertiary",
            help="A 16-bit PNG of cell ids for each image, and images.csv with run lengths of the foreground",
        )


def _pack_masks(folder: Path) -> IO[bytes]:
    return packed(partial(write_run_masks, folder))


def _pack(folder: Path) -> IO[bytes]:
    return packed(partial(write_bundle, folder))


def packed(write: Callable[[IO[bytes]], None]) -> IO[bytes]:
    """Return a file open for reading with what `write` puts into it; it lies on the disk until it is closed."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - Streamlit reads it after this returns; closing deletes it
    write(file)
    file.seek(0)
    return io.BufferedReader(file.detach())  # Streamlit refuses a file that is open for writing, too


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")
