"""Everything the pages read through a cache, bounded and keyed by the ids and settings that determine the value."""

from __future__ import annotations

import gc

import pandas as pd
import streamlit as st

from cellapp.pipeline import Kit, load_kit
from cellapp.settings import AnalyseSettings, app_settings
from cellapp.store import cells, images
from cellapp.store.records import ImageRecord, RunRecord
from cellapp.types import Slide


def kit(settings: AnalyseSettings) -> Kit:
    """Load segmenter, encoder and head of `settings`, kept while they are in use."""
    machine = app_settings()
    return _kit(
        settings.segment.segmenter, settings.classify.encoder, settings.classify.head, machine.device, machine.dtype
    )


def slide(image: ImageRecord) -> Slide:
    """Open an image, its names and pixel size as the project knows them."""
    return _slide(image.id, image.digest, image.channels, image.um_per_px)


def run_version(run: RunRecord) -> str:
    """Return what changes whenever the results of a run do; part of the key of everything cached about it."""
    return f"{run.status}/{run.n_done}"


@st.cache_data(max_entries=16, show_spinner=False)
def run_table(run_id: str, image_id: str | None, version: str) -> pd.DataFrame:
    """Read the cells of a run, of one image or of all.

    Parameters
    ----------
    run_id, image_id : str
    version : str
        See `run_version`; add a count of one's own after a manual relabel.
    """
    return cells.load_cells(run_id, image_id)


def _free(_kit: Kit) -> None:
    gc.collect()  # the weights of a replaced kit go before the next one's arrive


@st.cache_resource(max_entries=2, on_release=_free, show_spinner="Loading the models")
def _kit(segmenter: str, encoder: str | None, head: str | None, device: str, dtype: str) -> Kit:
    settings = AnalyseSettings.model_validate(
        {"segment": {"segmenter": segmenter}, "classify": {"encoder": encoder, "head": head}}
    )
    return load_kit(settings, device=device, dtype=dtype)


@st.cache_resource(max_entries=4, show_spinner=False)
def _slide(image_id: str, digest: str, channels: tuple[str, ...], um_per_px: float | None) -> Slide:
    return images.open_slide(image_id)
