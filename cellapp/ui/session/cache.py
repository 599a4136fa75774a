"""Everything the pages read through a cache, bounded and keyed by the ids and settings that determine the value."""

from __future__ import annotations

import base64
import gc
import time
from dataclasses import dataclass

import numpy as np
import streamlit as st

from cellapp.config import app_settings
from cellapp.errors import CellappError
from cellapp.images.sampling import read_at_most, read_samples
from cellapp.jobs.requests import pyramid_job, request_pyramid
from cellapp.models.bundle import RunModels, load_run_models
from cellapp.models.load import load_model
from cellapp.rendering.composition import Composition
from cellapp.segmentation import preview
from cellapp.segmentation.preview import PreviewFlows, preview_flows
from cellapp.segmentation.slide_parameters import SlideParameters, has_tiles
from cellapp.settings import THRESHOLDS, AnalyseSettings, SegmentSettings
from cellapp.store import images, open_image
from cellapp.store.open_image import lacks_pyramid, open_view, reads_regions
from cellapp.store.records import ImageRecord
from cellapp.types.image import Region, Role, Slide
from cellapp.types.protocols import Segmenter
from cellapp.ui.components import viewer_layers
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.viewer_layers import Layer

Identity = tuple[str, tuple[str, ...], tuple[Role, ...], float | None]
OVERVIEW_PX = 1280


@dataclass(frozen=True, eq=False)
class TimedFlows:
    """Flows of a region and what they took on this machine."""

    flows: PreviewFlows
    seconds: float


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
    """Return what tells how bright the image is: raw values, (C, Y, X) with some million pixels.

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


def thumbnail_uri(image: ImageRecord) -> str | None:
    """Return the image's thumbnail for an `img` tag; None while it waits for its pyramid or cannot be decoded."""
    return None if lacks_pyramid(image) else _thumbnail_uri(image.id, identity(image))


def identity(image: ImageRecord) -> Identity:
    """Return what decides everything read or computed from an image: its bytes and what the project says of them."""
    return image.digest, image.channels, image.roles, image.um_per_px


def segmenter(name: str) -> Segmenter:
    """Load a segmenter, kept while it is in use."""
    return _segmenter(name, app_settings().device, app_settings().dtype)


def flows(
    image: ImageRecord, region: Region, settings: AnalyseSettings, parameters: SlideParameters | None = None
) -> TimedFlows:
    """Run a fast segmenter on a region; thresholds do not matter for it and are no part of the key.

    Parameters
    ----------
    image : ImageRecord
    region : Region
    settings : AnalyseSettings
    parameters : SlideParameters, optional
        Of the slide, where its runs make one.
    """
    chosen = flow_settings(settings).model_dump_json()
    return _flows(image.id, identity(image), region, chosen, parameters is not None, parameters)


@st.cache_resource(max_entries=2, show_spinner=False)
def kept_flows(key: str) -> PreviewFlows:
    """Read what a preview job left; see `cellapp.segmentation.preview`."""
    return preview.load_preview(key)


def flow_settings(settings: AnalyseSettings) -> AnalyseSettings:
    """Return `settings` with everything at its default that flows do not depend on."""
    segment = settings.segment.model_dump(exclude=set(THRESHOLDS))
    return AnalyseSettings(
        channels=settings.channels,
        um_per_px=settings.um_per_px,
        preprocess=settings.preprocess,
        segment=SegmentSettings.model_validate(segment),
    )


def _free(_model: object) -> None:
    gc.collect()  # the weights of replaced models go before the next one's arrive


@st.cache_resource(max_entries=2, on_release=_free, show_spinner="Loading the models")
def _run_models(segmenter: str, encoder: str | None, head: str | None, device: str, dtype: str) -> RunModels:
    settings = AnalyseSettings.model_validate(
        {"segment": {"segmenter": segmenter}, "classify": {"encoder": encoder, "head": head}}
    )
    return load_run_models(settings, device=device, dtype=dtype)


@st.cache_data(max_entries=1024, show_spinner=False)
def _thumbnail_uri(image_id: str, look: Identity) -> str | None:
    try:
        png = open_image.thumbnail_path(image_id).read_bytes()
    except CellappError:
        return None  # the page that opens the image says why
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


@st.cache_resource(max_entries=8, show_spinner=False)
def _overview(image_id: str, look: Identity, flat: bool) -> np.ndarray:
    view = open_view(image_id)
    return read_samples(view) if flat else read_at_most(view, OVERVIEW_PX)[0]


@st.cache_data(max_entries=64, show_spinner=False)
def _in_parts(image_id: str, look: Identity) -> bool:
    return reads_regions(images.get_image(image_id))


@st.cache_resource(max_entries=2, on_release=_free, show_spinner="Loading the segmenter")
def _segmenter(name: str, device: str, dtype: str) -> Segmenter:
    return load_model(name, device, dtype)


@st.cache_resource(max_entries=4, show_spinner=False)
def _flows(
    image_id: str, look: Identity, region: Region, settings: str, of_slide: bool, _judged: SlideParameters | None
) -> TimedFlows:
    """Run the network; identity and settings decide `_judged`, once there is one."""
    chosen = AnalyseSettings.model_validate_json(settings)
    network = segmenter(chosen.segment.segmenter)
    start = time.perf_counter()
    slide = open_image.open_slide(image_id)
    waits = _judged is None and has_tiles(slide.info, chosen)  # its pyramid says quickly what the slide is like
    found = preview_flows(open_view(image_id) if waits else slide, region, network, chosen, _judged)
    return TimedFlows(found, time.perf_counter() - start)


@st.cache_resource(max_entries=4, show_spinner=False)
def _slide(image_id: str, look: Identity) -> Slide:
    return open_image.open_slide(image_id)
