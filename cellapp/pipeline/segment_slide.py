"""Finds the cells of an image of any size: the whole at once where it is one tile, else tile by tile."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np

from cellapp.images.preprocess import Preprocessor
from cellapp.models.bundle import RunModels
from cellapp.pipeline.checkpoint import Checkpoint, temporary_checkpoint
from cellapp.pipeline.context import ImageContext, RunTasks, make_context, run_serially
from cellapp.pipeline.progress import StepProgress, no_progress
from cellapp.segmentation.run_segmenter import segment
from cellapp.segmentation.slide_parameters import SlideParameters, fit_slide_parameters, has_tiles
from cellapp.segmentation.tiling.candidates import Candidates, find_candidates, find_overlaps
from cellapp.segmentation.tiling.empty_tiles import is_empty
from cellapp.segmentation.tiling.grid import Tile, halo_px, neighbours, plan_tiles
from cellapp.segmentation.tiling.paint import number_cells, paint
from cellapp.segmentation.tiling.stitch import Stitched, stitch
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import OnStep, Region, Slide
from cellapp.types.protocols import Segmenter

_KEPT_TILES = 8  # label images in memory while tiles are compared


def segment_slide(
    context: ImageContext,
    checkpoint: Checkpoint,
    run_tasks: RunTasks,
    tell: OnStep,
    span: tuple[float, float] = (0.0, 1.0),
) -> LabelMask:
    """Find the cells of an image.

    Parameters
    ----------
    context : ImageContext
    checkpoint : Checkpoint
        Where tiles are left; those there already are not done again.
    run_tasks : Spread
        Who does the tiles.
    tell : callable
        Progress; may raise `Cancelled`.
    span : tuple of float
        Fractions at which this step begins and ends.

    Returns
    -------
    LabelMask
        Ids 1..n in reading order of the cells' first pixels; the same for any order of tiles. Of an image with several
        tiles the labels are a file of the work folder, mapped.

    Raises
    ------
    InputError
        When pixels are missing or infinite, or a diameter in um meets an image without a pixel size.
    """
    tell("Finding cells", span[0])
    if not has_tiles(context.slide.info, context.settings):
        return _find_whole(context)
    if not checkpoint.has_labels:
        parameters = fit_slide_parameters(
            context.slide, context.slide_roles, context.models.segmenter, context.settings, context.um_per_px
        )
        shape, halo = context.slide.info.shape[1:], halo_px(parameters.fit.diameter_px)
        tiles = plan_tiles(shape, context.settings.segment.tile_px, halo)
        todo = [tile for tile in tiles if not checkpoint.has(_name(tile.number))]
        n_before = len(tiles) - len(todo)
        countdown = StepProgress(tell, "Finding cells", "tile", n_total=len(tiles), n_before=n_before, span=span)
        for _ in run_tasks(SegmentTile(parameters, checkpoint), todo):
            countdown.advance()
        _join(tiles, shape, halo, context.settings.segment.min_size_px, checkpoint)
    return LabelMask(checkpoint.labels(), context.models.segmenter.name)


@dataclass(frozen=True)
class SegmentTile:
    """Segments one tile and leaves its label image and `Candidates` in the work folder; runs in any process."""

    parameters: SlideParameters
    checkpoint: Checkpoint

    def __call__(self, context: ImageContext, tile: Tile) -> None:
        """Do one tile."""
        labels = self._labels(context, tile.window).astype(np.int32)
        small = np.uint16 if labels.max(initial=0) < 2**16 else np.int32
        found = find_candidates(tile, labels, context.slide.info.shape[1:])
        self.checkpoint.keep(_name(tile.number), labels=labels.astype(small), **asdict(found))

    def _labels(self, context: ImageContext, window: Region) -> np.ndarray:
        pixels, fit = self.parameters.preprocessor.read(context.slide, window), self.parameters.fit
        if is_empty(pixels, fit.diameter_px, self.parameters.spans):
            return np.zeros(pixels.shape[1:], np.int32)
        settings = context.settings.segment
        return segment(pixels, context.slide_roles, context.models.segmenter, settings, fit=fit).labels


def _find_whole(context: ImageContext) -> LabelMask:
    pixels = Preprocessor.fit(context.slide, context.settings.preprocess).read(context.slide)
    mask = segment(pixels, context.slide_roles, context.models.segmenter, context.settings.segment, context.um_per_px)
    labels = np.ascontiguousarray(mask.labels, dtype=np.int32)
    number_cells(labels)
    return LabelMask(labels, mask.segmenter)


def _join(tiles: Sequence[Tile], shape: tuple[int, int], halo: int, min_size_px: int, checkpoint: Checkpoint) -> None:
    """Stitch the tiles into the label image of the slide, on disk."""

    @lru_cache(_KEPT_TILES)
    def labels_of(number: int) -> np.ndarray:
        return checkpoint.get(_name(number))["labels"]

    stitched = _choose(tiles, halo, checkpoint, labels_of)
    with checkpoint.drawing(shape) as canvas:
        for tile in tiles:
            if len(stitched.ranks[tile.number]) > 1:
                paint(canvas, tile, labels_of(tile.number), stitched.ranks[tile.number])
        number_cells(canvas, area_px=stitched.area_px, min_size_px=min_size_px)


def _choose(tiles: Sequence[Tile], halo: int, checkpoint: Checkpoint, labels_of: lru_cache) -> Stitched:
    parts = [checkpoint.get(_name(tile.number), *Candidates.__dataclass_fields__) for tile in tiles]
    candidates = [Candidates(**part) for part in parts]
    overlaps = [
        (a.number, b.number, find_overlaps(a, labels_of(a.number), b, labels_of(b.number)))
        for a, b in neighbours(tiles)
        if len(candidates[a.number]) and len(candidates[b.number])
    ]
    return stitch(candidates, overlaps, halo / 2)


def _name(number: int) -> str:
    return f"tile-{number:06d}"


def segment_image(
    slide: Slide,
    segmenter: Segmenter,
    settings: AnalyseSettings,
    on_step: OnStep | None = None,
    *,
    checkpoint: Checkpoint | None = None,
) -> LabelMask:
    """Segment one image.

    Parameters
    ----------
    slide : Slide
    segmenter : Segmenter
    settings : AnalyseSettings
    on_step, checkpoint
        See `analyse`.

    Raises
    ------
    InputError
        When pixels are missing or infinite, or a diameter in um meets an image without a pixel size.
    """
    context = make_context(slide, None, RunModels(segmenter), settings)
    with nullcontext(checkpoint) if checkpoint else temporary_checkpoint() as folder:
        return segment_slide(context, folder, run_serially(context), on_step or no_progress)
