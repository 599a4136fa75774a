"""Labelled crops from synthetic slides, cut by the same chain as a user's cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cellapp.cells.crop import crop
from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.encoders.prepare import encoder_input
from cellapp.images.channels import assign
from cellapp.images.preprocess import Preprocessor
from cellapp.segmentation.segment import segment
from cellapp.settings import CropMode, CropSettings, PreprocessSettings, QualitySettings, SegmentSettings
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types import ImageInfo, LabelMask, Segmenter, Slide

SIDE_PX = 64
CROP = CropSettings(mode=CropMode.LETTERBOXED, size_px=SIDE_PX)
PREPROCESS = PreprocessSettings()
_MATCH_IOU = 0.5


@dataclass(frozen=True, eq=False)
class LabelledCells:
    """Crops ready for an encoder with their true class and slide."""

    pixels: np.ndarray  # (N, 3, S, S) float32, 0 to 1
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


def cut_cells(slides: Iterable[SyntheticSettings], segmenter: Segmenter) -> LabelledCells:
    """Render slides, find their cells and keep those that match a true cell.

    Cells are found, not taken from the truth, because crops of found cells are what the head will see. A found cell
    gets the class of the true cell it overlaps with an IoU of at least 0.5; cells at the border are left out, as in a
    run.

    Parameters
    ----------
    slides : iterable of SyntheticSettings
    segmenter : Segmenter

    Returns
    -------
    LabelledCells
        In slide order; no cells are zero rows.
    """
    return join_cells([_cut_slide(settings, segmenter) for settings in slides])


def join_cells(parts: Sequence[LabelledCells]) -> LabelledCells:
    """Put cells of several slides together, in order; none are zero rows."""
    pixels = [part.pixels for part in parts] or [np.zeros((0, 3, SIDE_PX, SIDE_PX), np.float32)]
    labels = [part.labels for part in parts] or [np.zeros(0, str)]
    slides_of = [part.slides for part in parts] or [np.zeros(0, str)]
    return LabelledCells(np.concatenate(pixels), np.concatenate(labels), np.concatenate(slides_of))


def _cut_slide(settings: SyntheticSettings, segmenter: Segmenter) -> LabelledCells:
    raw, truth, classes = render_field(settings)
    slide = as_slide(raw, settings)
    names, roles = assign(slide.info, {})
    processed = Preprocessor.fit(slide, PREPROCESS).apply(raw)
    mask = segment(processed, roles, segmenter, SegmentSettings(), settings.um_per_px)
    cells = assess(measure(slide, mask, channels=names), mask, slide, QualitySettings())
    cells = cells[cells["qc_pass"]]
    matched = match_cells(mask, truth)
    cells = cells[cells.index.isin(list(matched))]
    crops = crop(processed, mask, cells, CROP, channels=names, roles=roles)
    return LabelledCells(
        encoder_input(crops, roles, SIDE_PX),
        np.array([classes[matched[cell_id]] for cell_id in cells.index], dtype=str),
        np.full(len(cells), f"slide {settings.seed}"),
    )


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


def as_slide(raw: np.ndarray, settings: SyntheticSettings) -> Slide:
    """Wrap the pixels of a rendered slide, (C, Y, X), as if they had been read from a file."""
    info = ImageInfo(
        name=f"synthetic {settings.seed}",
        format="ome-tiff",
        shape=raw.shape,
        dtype=str(raw.dtype),
        channels=settings.channels,
        um_per_px=settings.um_per_px,
        levels=(raw.shape[1:],),
        bytes_on_disk=raw.nbytes,
    )
    return Slide(info, f"synthetic-{settings.seed}", (raw,))
