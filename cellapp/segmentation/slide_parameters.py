"""Parameters that a run fits once to a slide of several tiles, stored so that previews of its regions use the same."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from cellapp import __version__
from cellapp.config import app_settings
from cellapp.files import atomic_write
from cellapp.images.channels import describe_slide
from cellapp.images.preprocess import Preprocessor
from cellapp.images.sampling import sample_windows
from cellapp.segmentation.diameter import CellSize
from cellapp.segmentation.network_choice import segmenter_for
from cellapp.segmentation.slide_fit import SlideFit, fit_slide
from cellapp.settings import OF_MASKS, AnalyseSettings
from cellapp.types.image import ImageInfo, Role, Slide
from cellapp.types.protocols import Segmenter

_SAMPLED_PX = 2**20  # pixels of a channel that its range is taken from


@dataclass(frozen=True)
class SlideParameters:
    """What is fitted once to a slide; small, so that it is sent with tasks and stored as JSON."""

    preprocessor: Preprocessor
    fit: SlideFit
    spans: tuple[float, ...]  # range of each processed channel on the slide


_AS_JSON = TypeAdapter(SlideParameters)


def has_tiles(info: ImageInfo, settings: AnalyseSettings) -> bool:
    """Return whether a run cuts an image into tiles, and so fits parameters to the slide before it segments."""
    return max(info.shape[1:]) > settings.segment.tile_px


def fit_slide_parameters(
    slide: Slide,
    roles: Sequence[Role],
    segmenter: Segmenter,
    settings: AnalyseSettings,
    um_per_px: float | None,
    preprocessor: Preprocessor | None = None,
    sizes: Iterable[CellSize] = (),
) -> SlideParameters:
    """Fit preprocessing and segmentation parameters to a sample of a slide.

    Parameters
    ----------
    slide : Slide
        As the user described it (`cellapp.images.channels.describe_slide`); at most nine windows of 1024 px and one
        overview of it are in memory, or the whole where that is no larger.
    roles : sequence of Role
    segmenter : Segmenter
    settings : AnalyseSettings
    um_per_px : float or None
    preprocessor : Preprocessor, optional
        The chain of the settings where it is fitted to the slide already.
    sizes : iterable of CellSize, optional
        Of cells in the windows to measure, see `cellapp.segmentation.slide_fit.fit_slide`; found here when left out.
        Read last, so that other processes may still be measuring.

    Raises
    ------
    InputError
        When pixels of the sample are missing or infinite, or a diameter in um meets an image without a pixel size.
    """
    preprocessor = preprocessor or Preprocessor.fit(slide, settings.preprocess)
    windows = [preprocessor.read(slide, window) for window in sample_windows(slide)]
    planes = [np.concatenate([window[channel].ravel() for window in windows]) for channel in range(len(windows[0]))]
    limits = [np.percentile(plane[:: max(plane.size // _SAMPLED_PX, 1)], [0.2, 99.8]) for plane in planes]
    fit = fit_slide(windows, roles, segmenter, settings.segment, um_per_px, [*sizes])
    return SlideParameters(preprocessor, fit, tuple(float(high - low) for low, high in limits))


def ensure_slide_parameters(slide: Slide, segmenter: Segmenter, settings: AnalyseSettings) -> SlideParameters:
    """Return the stored parameters of a slide; where there are none, fit them and store them under ``CELLAPP_HOME``.

    Parameters and errors are those of `fit_slide_parameters`, but for the slide, which is as it was opened.
    """
    stored = load_slide_parameters(slide, segmenter, settings)
    if stored is not None:
        return stored
    described, roles, um_per_px = describe_slide(slide, settings)
    chosen = segmenter_for(segmenter, described, roles)
    parameters = fit_slide_parameters(described, roles, chosen, settings, um_per_px)
    with atomic_write(_path(slide, segmenter, settings)) as part:
        part.write_bytes(_AS_JSON.dump_json(parameters))
    return parameters


def load_slide_parameters(slide: Slide, segmenter: Segmenter, settings: AnalyseSettings) -> SlideParameters | None:
    """Return the parameters stored for a slide under the same settings, thresholds aside; None where there are none."""
    try:
        return _AS_JSON.validate_json(_path(slide, segmenter, settings).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def purge_slide_parameters(older_than_s: float) -> int:
    """Delete stored parameters older than this and return how many; they are fitted again when needed.

    Those that earlier versions stored in ``judgements`` are deleted whatever their age: no version reads them any more.
    """
    limit = time.time() - older_than_s
    old = [path for path in _folder().glob("*.json") if path.stat().st_mtime < limit]
    old += (app_settings().home / "judgements").glob("*.json")
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _path(slide: Slide, segmenter: Segmenter, settings: AnalyseSettings) -> Path:
    """Name the file by everything the parameters depend on, the version of the program included."""
    described, roles, um_per_px = describe_slide(slide, settings)
    chosen = {
        "preprocess": settings.preprocess.model_dump(mode="json"),
        "segment": settings.segment.model_dump(mode="json", exclude={*OF_MASKS, "tile_px", "second_look"}),
    }
    identity = [__version__, slide.digest, described.info.shape, roles, um_per_px, segmenter.name, chosen]
    return _folder() / f"{hashlib.sha256(json.dumps(identity).encode()).hexdigest()}.json"


def _folder() -> Path:
    return app_settings().home / "slide_parameters"
