"""Finds the cells of an image of any size: the whole at once where it is one tile, else tile by tile."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np

from cellapp.images.preprocess import Preprocessor
from cellapp.models.bundle import Kit
from cellapp.pipeline.checkpoint import WorkFolder, scratch_work
from cellapp.pipeline.context import Bench, Spread, in_turn, lay_out
from cellapp.pipeline.progress import Countdown, no_progress
from cellapp.segmentation.run_segmenter import segment
from cellapp.segmentation.slide_parameters import Judgement, has_tiles, judge
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


def find_mask(
    bench: Bench, work: WorkFolder, spread: Spread, tell: OnStep, span: tuple[float, float] = (0.0, 1.0)
) -> LabelMask:
    """Find the cells of an image.

    Parameters
    ----------
    bench : Bench
    work : WorkFolder
        Where tiles are left; those there already are not done again.
    spread : Spread
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
    if not has_tiles(bench.slide.info, bench.settings):
        return _find_whole(bench)
    if not work.has_labels:
        judged = judge(bench.slide, bench.slide_roles, bench.kit.segmenter, bench.settings, bench.um_per_px)
        shape, halo = bench.slide.info.shape[1:], halo_px(judged.fit.diameter_px)
        tiles = plan_tiles(shape, bench.settings.segment.tile_px, halo)
        todo = [tile for tile in tiles if not work.has(_name(tile.number))]
        n_before = len(tiles) - len(todo)
        countdown = Countdown(tell, "Finding cells", "tile", n_total=len(tiles), n_before=n_before, span=span)
        for _ in spread(FindInTile(judged, work), todo):
            countdown.one_more()
        _join(tiles, shape, halo, bench.settings.segment.min_size_px, work)
    return LabelMask(work.labels(), bench.kit.segmenter.name)


@dataclass(frozen=True)
class FindInTile:
    """Segments one tile and leaves its label image and `Candidates` in the work folder; runs in any process."""

    judged: Judgement
    work: WorkFolder

    def __call__(self, bench: Bench, tile: Tile) -> None:
        """Do one tile."""
        labels = self._labels(bench, tile.window).astype(np.int32)
        small = np.uint16 if labels.max(initial=0) < 2**16 else np.int32
        found = find_candidates(tile, labels, bench.slide.info.shape[1:])
        self.work.keep(_name(tile.number), labels=labels.astype(small), **asdict(found))

    def _labels(self, bench: Bench, window: Region) -> np.ndarray:
        pixels, fit = self.judged.preprocessor.read(bench.slide, window), self.judged.fit
        if is_empty(pixels, fit.diameter_px, self.judged.spans):
            return np.zeros(pixels.shape[1:], np.int32)
        settings = bench.settings.segment
        return segment(pixels, bench.slide_roles, bench.kit.segmenter, settings, fit=fit).labels


def _find_whole(bench: Bench) -> LabelMask:
    pixels = Preprocessor.fit(bench.slide, bench.settings.preprocess).read(bench.slide)
    mask = segment(pixels, bench.slide_roles, bench.kit.segmenter, bench.settings.segment, bench.um_per_px)
    labels = np.ascontiguousarray(mask.labels, dtype=np.int32)
    number_cells(labels)
    return LabelMask(labels, mask.segmenter)


def _join(tiles: Sequence[Tile], shape: tuple[int, int], halo: int, min_size_px: int, work: WorkFolder) -> None:
    """Stitch the tiles into the label image of the slide, on disk."""

    @lru_cache(_KEPT_TILES)
    def labels_of(number: int) -> np.ndarray:
        return work.get(_name(number))["labels"]

    stitched = _choose(tiles, halo, work, labels_of)
    with work.drawing(shape) as canvas:
        for tile in tiles:
            if len(stitched.ranks[tile.number]) > 1:
                paint(canvas, tile, labels_of(tile.number), stitched.ranks[tile.number])
        number_cells(canvas, area_px=stitched.area_px, min_size_px=min_size_px)


def _choose(tiles: Sequence[Tile], halo: int, work: WorkFolder, labels_of: lru_cache) -> Stitched:
    parts = [work.get(_name(tile.number), *Candidates.__dataclass_fields__) for tile in tiles]
    candidates = [Candidates(**part) for part in parts]
    overlaps = [
        (a.number, b.number, find_overlaps(a, labels_of(a.number), b, labels_of(b.number)))
        for a, b in neighbours(tiles)
        if len(candidates[a.number]) and len(candidates[b.number])
    ]
    return stitch(candidates, overlaps, halo / 2)


def _name(number: int) -> str:
    return f"tile-{number:06d}"


def find_cells(
    slide: Slide,
    segmenter: Segmenter,
    settings: AnalyseSettings,
    on_step: OnStep | None = None,
    *,
    work: WorkFolder | None = None,
) -> LabelMask:
    """Segment one image.

    Parameters
    ----------
    slide : Slide
    segmenter : Segmenter
    settings : AnalyseSettings
    on_step, work
        See `analyse`.

    Raises
    ------
    InputError
        When pixels are missing or infinite, or a diameter in um meets an image without a pixel size.
    """
    bench = lay_out(slide, None, Kit(segmenter), settings)
    with nullcontext(work) if work else scratch_work() as folder:
        return find_mask(bench, folder, in_turn(bench), on_step or no_progress)
