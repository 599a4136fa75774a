"""Segment an image of any size: the whole at once where it is one tile, else tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial

import numpy as np

from cellapp.models.bundle import RunModels
from cellapp.models.load import load_model
from cellapp.pipeline.checkpoint import Checkpoint, temporary_checkpoint
from cellapp.pipeline.context import ImageContext, RunTasks, make_context, run_serially
from cellapp.pipeline.judge_outlines import judge_outlines
from cellapp.pipeline.measure_cells import measure_sizes
from cellapp.pipeline.progress import do_missing, no_progress
from cellapp.regions.coverage import Coverage
from cellapp.segmentation.limit import NONE_INSIDE, keep_cells, tiles_near
from cellapp.segmentation.network_choice import why_other
from cellapp.segmentation.run_segmenter import nothing_found, segment
from cellapp.segmentation.slide_fit import SlideFit
from cellapp.segmentation.slide_parameters import SlideParameters, fit_slide_parameters, has_tiles
from cellapp.segmentation.tiling.candidates import CellCandidates, find_candidates, find_overlaps
from cellapp.segmentation.tiling.empty_tiles import is_empty
from cellapp.segmentation.tiling.grid import Tile, bounding_box, halo_px, overlapping_tiles, plan_tiles
from cellapp.segmentation.tiling.paint import number_cells, paint_tile
from cellapp.segmentation.tiling.stitch import StitchedCells, stitch
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import LabelMask
from cellapp.types.drawn_regions import DrawnRegions
from cellapp.types.image import OnStep, Region, Slide
from cellapp.types.protocols import Segmenter

_TILES_IN_MEMORY = 8  # label images in memory while tiles are compared


def segment_slide(
    context: ImageContext,
    checkpoint: Checkpoint,
    run_tasks: RunTasks,
    on_step: OnStep,
    span: tuple[float, float] = (0.0, 1.0),
) -> LabelMask:
    """Segment the image of a context.

    Parameters
    ----------
    context : ImageContext
    checkpoint : Checkpoint
        Keeps finished tiles; those there already are not done again.
    run_tasks : callable
        Does the tiles, see `RunTasks`.
    on_step : callable
        Progress; may raise `Cancelled`.
    span : tuple of float
        Fractions of the image at which this step begins and ends.

    Returns
    -------
    LabelMask
        Ids 1..n in reading order of the cells' first pixels; the same for any order of tiles. The labels of an image of
        several tiles are mapped from a file of the checkpoint. Where the context has regions, cells are those of the
        whole image whose centre lies in them, see `cellapp.segmentation.limit`; size and thresholds are found in the
        whole image all the same, and tiles that no region comes near are not segmented.

    Raises
    ------
    InputError
        When pixels are missing or infinite, or a diameter in um meets an image without a pixel size.
    """
    on_step("Finding cells", span[0])
    if not has_tiles(context.slide.info, context.settings):
        return _segment_whole(context)
    note, fit = ("", None) if checkpoint.has_labels else _segment_tiles(context, checkpoint, run_tasks, on_step, span)
    return LabelMask(checkpoint.labels(), context.segmenter.name, _notes(context, note), fit)


def _notes(context: ImageContext, note: str) -> str:
    """Join what was picked and what was tried."""
    return "; ".join(filter(None, [why_other(context.models.segmenter, context.segmenter), note]))


def _segment_whole(context: ImageContext) -> LabelMask:
    pixels = context.preprocessor.read(context.slide)
    mask = segment(pixels, context.slide_roles, context.segmenter, context.settings.segment, context.um_per_px)
    labels = np.ascontiguousarray(mask.labels, dtype=np.int32)
    n_found = number_cells(labels)
    note = mask.note
    if context.covered is not None and n_found and not keep_cells(labels, context.covered, number=True):
        note = NONE_INSIDE
    return replace(mask, labels=labels, note=_notes(context, note))


def _segment_tiles(
    context: ImageContext, checkpoint: Checkpoint, run_tasks: RunTasks, on_step: OnStep, span: tuple[float, float]
) -> tuple[str, SlideFit]:
    """Write the label image of the tiles to the checkpoint; return what was tried where none are found, and the fit."""
    slide, roles, settings = context.slide, context.slide_roles, context.settings
    sizes = measure_sizes(context, run_tasks)
    parameters = fit_slide_parameters(
        slide, roles, context.segmenter, settings, context.um_per_px, context.preprocessor, sizes
    )
    halo = halo_px(parameters.fit.reach_px)
    shape = slide.info.shape[1:]
    tiles = tiles_near(plan_tiles(shape, settings.segment.tile_px, halo), context.covered, halo)
    task = partial(run_tasks, SegmentTile(parameters, checkpoint))
    do_missing(tiles, lambda tile: checkpoint.has(_name(tile.number)), task, on_step, "Finding cells", "tile", span)
    n_found, n_cells = _join(tiles, shape, halo, settings.segment.min_size_px, checkpoint, context.covered)
    fit = parameters.fit
    if n_cells:
        return "", fit
    return NONE_INSIDE if n_found else nothing_found(fit.size, roles), fit


@dataclass(frozen=True)
class SegmentTile:
    """Task that segments one tile and writes its labels and `CellCandidates` to the checkpoint; runs in any process."""

    parameters: SlideParameters
    checkpoint: Checkpoint

    def __call__(self, context: ImageContext, tile: Tile) -> None:
        """Segment one tile."""
        labels = self._labels(context, tile.window).astype(np.int32)
        dtype = np.uint16 if labels.max(initial=0) < 2**16 else np.int32
        candidates = find_candidates(tile, labels, context.slide.info.shape[1:])
        self.checkpoint.write(_name(tile.number), labels=labels.astype(dtype), **asdict(candidates))

    def _labels(self, context: ImageContext, window: Region) -> np.ndarray:
        pixels, fit = self.parameters.preprocessor.read(context.slide, window), self.parameters.fit
        if is_empty(pixels, fit.diameter_px, self.parameters.spans):
            return np.zeros(pixels.shape[1:], np.int32)
        settings = context.settings.segment
        return segment(pixels, context.slide_roles, context.segmenter, settings, fit=fit).labels


def _join(
    tiles: Sequence[Tile],
    shape: tuple[int, int],
    halo: int,
    min_size_px: int,
    checkpoint: Checkpoint,
    covered: Coverage | None,
) -> tuple[int, int]:
    """Stitch the tiles, paint the label image of the slide, on disk, and return how many cells were found and kept."""

    @lru_cache(_TILES_IN_MEMORY)
    def labels_of(number: int) -> np.ndarray:
        return checkpoint.read(_name(number))["labels"]

    stitched = _stitch(tiles, halo, checkpoint, labels_of)
    with checkpoint.new_labels(shape) as labels:
        for tile in tiles:
            if len(stitched.ranks[tile.number]) > 1:
                paint_tile(labels, tile, labels_of(tile.number), stitched.ranks[tile.number])
        if covered is None:
            n_found = number_cells(labels, area_px=stitched.area_px, min_size_px=min_size_px)
            return n_found, n_found
        box = bounding_box([tile.window for tile in tiles])  # all else is zero, and is not looked at
        part = labels[box.slices]
        n_found = number_cells(part, area_px=stitched.area_px, min_size_px=min_size_px)
        return n_found, keep_cells(part, covered, corner=(box.y, box.x), number=True)


def _stitch(
    tiles: Sequence[Tile], halo: int, checkpoint: Checkpoint, labels_of: Callable[[int], np.ndarray]
) -> StitchedCells:
    """Decide which candidates of overlapping tiles are cells of the slide."""
    parts = [checkpoint.read(_name(tile.number), *CellCandidates.__dataclass_fields__) for tile in tiles]
    candidates = [CellCandidates(**part) for part in parts]
    overlaps = [
        (a.number, b.number, find_overlaps(a, labels_of(a.number), b, labels_of(b.number)))
        for a, b in overlapping_tiles(tiles)
        if len(candidates[a.number]) and len(candidates[b.number])
    ]
    return stitch(candidates, overlaps, halo / 2)


def _name(number: int) -> str:
    return f"tile-{number:06d}"


def segment_image(
    slide: Slide,
    segmenter: Segmenter | None = None,
    settings: AnalyseSettings | None = None,
    on_step: OnStep | None = None,
    *,
    checkpoint: Checkpoint | None = None,
    regions: DrawnRegions | None = None,
) -> LabelMask:
    """Segment one image, without the other steps of an analysis.

    Parameters
    ----------
    slide : Slide
        As it was opened.
    segmenter : Segmenter, optional
        Loaded here as the settings name it when left out.
    settings : AnalyseSettings, optional
        The defaults when left out.
    on_step : callable, optional
        Progress; may raise `Cancelled`.
    checkpoint : Checkpoint, optional
        Keeps finished tiles of an image of several; a temporary folder when left out.
    regions : DrawnRegions, optional
        Cells whose centre lies elsewhere are left out.

    Raises
    ------
    InputError
        When pixels are missing or infinite, or a diameter in um meets an image without a pixel size.
    ModelError
        When the segmenter has to be loaded and cannot be had.
    """
    settings = settings or AnalyseSettings()
    models = RunModels(segmenter or load_model(settings.segment.segmenter))
    context = make_context(slide, None, models, settings, regions)
    with nullcontext(checkpoint) if checkpoint else temporary_checkpoint() as folder:
        run_tasks = run_serially(context)
        mask = segment_slide(context, folder, run_tasks, on_step or no_progress)
        return judge_outlines(context, mask, folder, run_tasks)
