"""Labelled cells of synthetic slides, found, cut and encoded by the same chain as a user's."""

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
class FoundCells:
    """The cells a segmenter found on one synthetic slide, those with a true class."""

    name: str
    slide: Slide
    roles: tuple[Role, ...]
    mask: LabelMask
    cells: pd.DataFrame  # accepted and matched rows of the cell table
    labels: np.ndarray  # (N,) str, true class of each row
    preprocessor: Preprocessor


@dataclass(frozen=True, eq=False)
class LabelledCells:
    """Vectors of cells with their true class and slide."""

    embeddings: Embeddings  # cell ids are row numbers
    labels: np.ndarray  # (N,) str
    slides: np.ndarray  # (N,) str

    def __len__(self) -> int:
        return len(self.labels)


def vary(seed: int, *, side_px: int = 640) -> SyntheticSettings:
    """Choose a slide at random: light, noise, crowding, cell size, bit depth and channels all differ between slides.

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


def find_cells(settings: SyntheticSettings, segmenter: Segmenter) -> FoundCells:
    """Render a slide, find its cells and keep those that match a true cell.

    Cells are found, not taken from the truth, because found cells are what the head will see. A found cell gets the
    class of the true cell it overlaps with an IoU of at least 0.5; cells at the border are left out, as in a run.
    """
    raw, truth, classes = render_field(settings)
    slide = as_slide(raw, settings)
    names, roles = assign_channels(slide.info, {})
    preprocessor = Preprocessor.fit(slide, PREPROCESS)
    mask = segment(preprocessor.read(slide), roles, segmenter, SegmentSettings(), settings.um_per_px)
    cells = assess(measure(slide, mask, channels=names), mask, slide, QualitySettings())
    matched = match_cells(mask, truth)
    cells = cells[cells["qc_pass"] & cells.index.isin(list(matched))]
    labels = np.array([classes[matched[cell_id]] for cell_id in cells.index], dtype=str)
    return FoundCells(f"slide {settings.seed}", slide, roles, mask, cells, labels, preprocessor)


def cut_cells(found: FoundCells) -> np.ndarray:
    """Cut the cells of a slide as `CROP` says.

    Returns
    -------
    ndarray of shape (N, 3, S, S), float32
        0 to 1, in the order of the table; no cells are zero rows.
    """
    pixels, names = found.preprocessor.read(found.slide), found.slide.info.channels
    crops = crop(pixels, found.mask, found.cells, CROP, channels=names, roles=found.roles)
    return encoder_input(crops, found.roles, SIDE_PX)


def embed_found(slides: Sequence[FoundCells], encoder: Encoder, reads: FeatureSettings) -> LabelledCells:
    """Give the cells of some slides the vectors a head reads: of crops, or pooled from windows as `GRID` says.

    Parameters
    ----------
    slides : sequence of FoundCells
        At least one, which may hold no cells.
    encoder : Encoder
    reads : FeatureSettings
    """
    parts = [_embed(found, encoder, reads) for found in slides]
    names = [np.full(len(found.cells), found.name) for found in slides]
    joined = join_embeddings(parts)
    joined = replace(joined, cell_ids=np.arange(len(joined.cell_ids), dtype=np.int32))
    return LabelledCells(joined, np.concatenate([found.labels for found in slides]), np.concatenate(names))


def _embed(found: FoundCells, encoder: Encoder, reads: FeatureSettings) -> Embeddings:
    if reads.source == "grid":
        where = (found.slide, found.mask, found.cells, found.roles, found.preprocessor)
        return pool_cells(*where, encoder=encoder, crop=GRID)
    return encoder.reading(reads).embed(cut_cells(found), found.cells.index.to_numpy(np.int32))


def match_cells(found: LabelMask, truth: np.ndarray) -> dict[int, int]:
    """Pair found cells with true ones that overlap them with an IoU of at least 0.5; such a pair is unique.

    Parameters
    ----------
    found : LabelMask
    truth : ndarray of shape (Y, X), integer

    Returns
    -------
    dict
        Found id -> true id; cells without a partner are left out.
    """
    both = np.stack([found.labels.ravel().astype(np.int64), truth.ravel().astype(np.int64)])
    pairs, overlaps = np.unique(both[:, (both > 0).all(axis=0)], axis=1, return_counts=True)
    area_found, area_true = (dict(zip(*np.unique(row, return_counts=True), strict=True)) for row in both)
    return {
        int(a): int(b)
        for (a, b), overlap in zip(pairs.T, overlaps, strict=True)
        if overlap >= _MATCH_IOU * (area_found[a] + area_true[b] - overlap)
    }
