"""What pages read through a cache, bounded and keyed by the ids and settings that determine the value."""

from __future__ import annotations

import gc

import numpy as np
import streamlit as st

from cellapp.config import app_settings
from cellapp.images.sampling import read_at_most, read_samples
from cellapp.jobs.requests import pyramid_job, request_pyramid
from cellapp.models.bundle import RunModels, load_run_models
from cellapp.rendering.composition import Composition
from cellapp.settings import AnalyseSettings
from cellapp.store import images, open_image
from cellapp.store.open_image import lacks_pyramid, open_view, reads_regions
from cellapp.store.records import ImageRecord
from cellapp.types.image import Role, Slide
from cellapp.ui.components import viewer_layers
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.viewer_layers import Layer

Identity = tuple[str, tuple[str, ...], tuple[Role, ...], float | None]
OVERVIEW_PX = 1280


def run_models(settings: AnalyseSettings) -> RunModels:
    """Load segmenter, encoder and head of `settings`, kept while they are in use."""
    machine = app_settings()
    return _run_models(
        settings.segment.segmenter, settings.classify.encoder, settings.classify.head, machine.device, machine.dtype
    )


def slide(image: ImageRecord) -> Slide:
    """Open an image, its names and pixel size as the project knows them."""
    return _slide(image.id, identity(image))


def overview(image: ImageRecord) -> np.ndarray:
    """Return raw values for contrast windows, (C, Y, X) with some million pixels.

    A small version of the image; of a large one that has no pyramid yet some windows, because no page decodes a whole
    slide. Where that is the only way to decode any of it, the page waits here for the pyramid.
    """
    flat = lacks_pyramid(image)
    if flat and not _in_parts(image.id, identity(image)):
        job = pyramid_job(image)
        if job.status.active:
            wait_for(job)
            st.stop()
        flat = False  # the pyramid cannot be made: better slow than nothing
    return _overview(image.id, identity(image), flat)


def whole(image: ImageRecord, composition: Composition) -> Layer:
    """Return the image in tiles, drawn as `composition` says; a large one without smaller levels gets them made."""
    request_pyramid(image)
    return viewer_layers.image_tiles(image, composition)


def identity(image: ImageRecord) -> Identity:
    """Return what decides everything read or computed from an image: its bytes and what the project says of them."""
    return image.digest, image.channels, image.roles, image.um_per_px


def free(_model: object) -> None:
    """Give the memory of a replaced model back before the next one is loaded."""
    gc.collect()


@st.cache_resource(max_entries=2, on_release=free, show_spinner="Loading the models")
def _run_models(segmenter: str, encoder: str | None, head: str | None, device: str, dtype: str) -> RunModels:
    settings = AnalyseSettings.model_validate(
        {"segment": {"segmenter": segmenter}, "classify": {"encoder": encoder, "head": head}}
    )
    return load_run_models(settings, device=device, dtype=dtype)


@st.cache_resource(max_entries=8, show_spinner=False)
def _overview(image_id: str, identity: Identity, flat: bool) -> np.ndarray:
    view = open_view(image_id)
    return read_samples(view) if flat else read_at_most(view, OVERVIEW_PX)[0]


@st.cache_data(max_entries=64, show_spinner=False)
def _in_parts(image_id: str, identity: Identity) -> bool:
    return reads_regions(images.get_image(image_id))


@st.cache_resource(max_entries=4, show_spinner=False)
def _slide(image_id: str, identity: Identity) -> Slide:
    return open_image.open_slide(image_id)
