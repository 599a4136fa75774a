"""One image of a run with all that its steps share, and how the parts of a step are handed out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from cellapp.images.channel_files import check_same_size
from cellapp.images.channels import describe_slide
from cellapp.images.preprocess import Preprocessor
from cellapp.models.bundle import RunModels
from cellapp.pipeline.explain_method import with_explain_method
from cellapp.regions.coverage import Coverage, coverage
from cellapp.segmentation.network_choice import segmenter_for
from cellapp.settings import AnalyseSettings
from cellapp.types.drawn_regions import NO_REGIONS, DrawnRegions
from cellapp.types.image import Role, Slide
from cellapp.types.protocols import Segmenter


@dataclass(frozen=True, eq=False)
class ImageContext:
    """One image of a run: its slides as the user described them, the models, the settings and the fitted chains.

    Made once by `make_context` where the work on an image begins and handed to every step. The preprocessing chains
    are fitted when a step asks for them, at most once each.
    """

    slide: Slide  # cells are segmented in it
    source: Slide  # cells are measured in it and cut from it; the same object where there is no target image
    slide_roles: tuple[Role, ...]  # of the channels of `slide`
    roles: tuple[Role, ...]  # of the channels of `source`
    um_per_px: float | None
    models: RunModels
    settings: AnalyseSettings
    regions: DrawnRegions = NO_REGIONS  # cells of these only; none: of the whole image

    @cached_property
    def covered(self) -> Coverage | None:
        """The pixels that a cell's centre may lie in; None for all of the image."""
        return coverage(self.regions, self.slide.info.shape[1:]) if self.regions else None

    @cached_property
    def preprocessor(self) -> Preprocessor:
        """The run's own chain, fitted to `slide`: what the segmenter reads."""
        return Preprocessor.fit(self.slide, self.settings.preprocess)

    @cached_property
    def segmenter(self) -> Segmenter:
        """The segmenter of the run, or the network that it picks for `slide`."""
        return segmenter_for(self.models.segmenter, self.slide, self.slide_roles)

    @cached_property
    def head_preprocessor(self) -> Preprocessor:
        """The chain vectors are made with, that of the head, fitted to `source`: what the encoder reads."""
        chain = self.models.vectors.preprocess
        if self.source is self.slide and chain == self.settings.preprocess:
            return self.preprocessor
        return Preprocessor.fit(self.source, chain)

    def of_source(
        self, roles: tuple[Role, ...], models: RunModels, settings: AnalyseSettings, regions: DrawnRegions
    ) -> ImageContext:
        """Return a context that segments the image cells are measured in, for the same chain; a fitted one is kept."""
        other = replace(self, slide=self.source, slide_roles=roles, models=models, settings=settings, regions=regions)
        if self.models.vectors is not None and self.models.vectors.preprocess == settings.preprocess:
            vars(other)["preprocessor"] = self.head_preprocessor
        elif self.source is self.slide:
            vars(other)["preprocessor"] = self.preprocessor
        return other


def make_context(
    slide: Slide,
    target: Slide | None,
    models: RunModels,
    settings: AnalyseSettings,
    regions: DrawnRegions | None = None,
) -> ImageContext:
    """Apply channel names, roles and pixel size to the slides of one image, and name the method of its maps.

    Parameters
    ----------
    slide : Slide
        Image to segment, as it was opened.
    target : Slide or None
        Image of the same size from which cells are measured and cut; None for `slide` itself.
    models : RunModels
    settings : AnalyseSettings
    regions : DrawnRegions, optional
        Cells whose centre lies elsewhere are left out; the whole image when left out.

    Raises
    ------
    InputError
        When the channels cannot be used, or the two slides differ in size.
    """
    settings = with_explain_method(settings, models.head)
    described, slide_roles, um_per_px = describe_slide(slide, settings)
    limits = regions or NO_REGIONS
    if target is None:
        return ImageContext(described, described, slide_roles, slide_roles, um_per_px, models, settings, limits)
    check_same_size(described, target)
    source, roles, _ = describe_slide(target, settings)
    return ImageContext(described, source, slide_roles, roles, um_per_px, models, settings, limits)


Task = Callable[[ImageContext, Any], Any]
"""What is done with one part of an image; picklable, and it leaves its result in the checkpoint."""

RunTasks = Callable[[Task, Sequence[Any]], Iterator[Any]]
"""Does a task with every part, in any order and in any process, and yields as each part ends."""


def run_serially(context: ImageContext) -> RunTasks:
    """Return the `RunTasks` that does one part after the other in this process."""
    return lambda task, parts: (task(context, part) for part in parts)
