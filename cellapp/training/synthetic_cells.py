"""Cells of synthetic slides with their true classes, segmented, cropped and encoded by the pipeline's own steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cellapp.cells.crop import crop
from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.encoders.slide_windows import pool_cells
from cellapp.images.channels import assign_channels
from cellapp.images.preprocess import Preprocessor
from cellapp.segmentation.run_segmenter import segment
from cellapp.settings import (
    CropMode,
    CropSettings,
    FeatureSettings,
    PreprocessSettings,
    QualitySettings,
    SegmentSettings,
)
from cellapp.synthetic.field import as_slide, render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.cells import Embeddings, LabelMask, join_embeddings
from cellapp.types.image import Role, Slide
from cellapp.types.protocols import Encoder, Segmenter

SIDE_PX = 64
CROP = CropSettings(mode=CropMode.LETTERBOXED, size_px=SIDE_PX)
GRID = CropSettings(mode=CropMode.WINDOW, size_px=2 * SIDE_PX)
"""About two cells across: smaller windows would outnumber the cells, larger ones show them in too few patches."""
PREPROCESS = PreprocessSettings()
_MATCH_IOU = 0.5


@dataclass(frozen=True, eq=False)
class LabelledSlide:
    """A synthetic slide with its segmented cells and the true class of each."""

    name: str
    slide: Slide
    roles: tuple[Role, ...]
    mask: LabelMask
    cells: pd.DataFrame  # N rows of the cell table: accepted cells that match a true one
    labels: np.ndarray  # (N,) str, true class of each row
    preprocessor: Preprocessor


def random_settings(seed: int, *, side_px: int = 640) -> SyntheticSettings:
    """Draw a slide: light, noise, crowding, cell size, bit depth and channels all differ between slides.

    Parameters
    ----------
    seed : int
        Decides everything; slides of different seeds share nothing but the generator.
    side_px : int
        Height and width.
    """
    rng = np.random.default_rng(seed)
    return SyntheticSettings(
        height=side_px,
        width=side_px,
        seed=seed,
        density=rng.uniform(0.2, 0.55),
        touching=rng.uniform(0.0, 0.4),
        cancer_fraction=rng.uniform(0.3, 0.7),
        noise=rng.uniform(0.1, 0.9),
        illumination=rng.uniform(0.0, 0.45),
        cell_diameter_um=rng.uniform(23.0, 34.0),
        dtype=str(rng.choice(["uint8", "uint16"])),
        n_channels=int(rng.integers(3, 5)),
    )


def find_cells(settings: SyntheticSettings, segmenter: Segmenter) -> LabelledSlide:
    """Render a slide, segment it and keep the cells that match a true one.

    Masks come from the segmenter, not from the truth, because a head reads segmented cells. A cell gets the class of
    the true cell it overlaps with an IoU of at least 0.5; cells at the border are left out, as in a run.

    Parameters
    ----------
    settings : SyntheticSettings
    segmenter : Segmenter
    """
    raw, truth, classes = render_field(settings)
    slide = as_slide(raw, settings)
    names, roles = assign_channels(slide.info, {})
    preprocessor = Preprocessor.fit(slide, PREPROCESS)
    mask = segment(preprocessor.read(slide), roles, segmenter, SegmentSettings(), settings.um_per_px)
    cells = assess(measure(slide, mask, channels=names), mask, slide, QualitySettings())
    true_id = match_cells(mask, truth)
    cells = cells[cells["qc_pass"] & cells.index.isin(list(true_id))]
    labels = np.array([classes[true_id[cell_id]] for cell_id in cells.index], dtype=str)
    return LabelledSlide(f"slide {settings.seed}", slide, roles, mask, cells, labels, preprocessor)


def crop_cells(labelled: LabelledSlide) -> np.ndarray:
    """Crop the cells of a slide as `CROP` says.

    Returns
    -------
    ndarray of shape (N, 3, S, S), float32
        0 to 1, in the order of the table; no cells are zero rows.
    """
    pixels, names = labelled.preprocessor.read(labelled.slide), labelled.slide.info.channels
    crops = crop(pixels, labelled.mask, labelled.cells, CROP, channels=names, roles=labelled.roles)
    return encoder_input(crops, labelled.roles, SIDE_PX)


def embed_slides(slides: Sequence[LabelledSlide], encoder: Encoder, reads: FeatureSettings) -> Embeddings:
    """Compute the vectors a head reads: of crops, or pooled from windows as `GRID` says.

    Parameters
    ----------
    slides : sequence of LabelledSlide
        At least one, which may hold no cells.
    encoder : Encoder
    reads : FeatureSettings

    Returns
    -------
    Embeddings
        Of the cells of all slides, in order; cell ids are row numbers.
    """
    joined = join_embeddings([_embed(labelled, encoder, reads) for labelled in slides])
    return replace(joined, cell_ids=np.arange(len(joined.cell_ids), dtype=np.int32))


def _embed(labelled: LabelledSlide, encoder: Encoder, reads: FeatureSettings) -> Embeddings:
    if reads.source == "grid":
        cells = (labelled.slide, labelled.mask, labelled.cells, labelled.roles, labelled.preprocessor)
        return pool_cells(*cells, encoder=encoder, crop=GRID)
    return encoder.reading(reads).embed(crop_cells(labelled), labelled.cells.index.to_numpy(np.int32))


def match_cells(mask: LabelMask, truth: np.ndarray) -> dict[int, int]:
    """Pair segmented cells with true ones that overlap them with an IoU of at least 0.5; such a pair is unique.

    Parameters
    ----------
    mask : LabelMask
    truth : ndarray of shape (Y, X), integer

    Returns
    -------
    dict
        Cell id -> true id; cells without a partner are left out.
    """
    both = np.stack([mask.labels.ravel().astype(np.int64), truth.ravel().astype(np.int64)])
    pairs, overlaps = np.unique(both[:, (both > 0).all(axis=0)], axis=1, return_counts=True)
    area, true_area = (dict(zip(*np.unique(row, return_counts=True), strict=True)) for row in both)
    return {
        int(a): int(b)
        for (a, b), overlap in zip(pairs.T, overlaps, strict=True)
        if overlap >= _MATCH_IOU * (area[a] + true_area[b] - overlap)
    }
