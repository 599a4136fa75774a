"""How the parts of one image's work are handed out: one after the other here, or by an engine elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cellapp.images.channel_files import check_same_size
from cellapp.images.channels import describe_slide
from cellapp.models.bundle import RunModels
from cellapp.settings import AnalyseSettings
from cellapp.types.image import Role, Slide


@dataclass(frozen=True, eq=False)
class ImageContext:
    """One image as it lies before a worker: described by the user, with the models of the run."""

    slide: Slide  # cells are found in it
    source: Slide  # cells are measured in it and cut from it; often the same
    slide_roles: tuple[Role, ...]
    roles: tuple[Role, ...]  # of the source
    um_per_px: float | None
    models: RunModels
    settings: AnalyseSettings


def make_context(slide: Slide, target: Slide | None, models: RunModels, settings: AnalyseSettings) -> ImageContext:
    """Apply channel names, roles and pixel size to the slides of one image.

    Raises
    ------
    InputError
        When the channels cannot be used, or the two slides differ in size.
    """
    described, slide_roles, um_per_px = describe_slide(slide, settings)
    if target is None:
        return ImageContext(described, described, slide_roles, slide_roles, um_per_px, models, settings)
    check_same_size(described, target)
    source, roles, _ = describe_slide(target, settings)
    return ImageContext(described, source, slide_roles, roles, um_per_px, models, settings)


Task = Callable[[ImageContext, Any], Any]
"""What is done with one part; picklable, and it leaves its result in the work folder."""

RunTasks = Callable[[Task, Sequence[Any]], Iterator[Any]]
"""Does a step with every part, in any order and anywhere, and yields as each ends."""


def run_serially(context: ImageContext) -> RunTasks:
    """Return the `RunTasks` that works through the parts here, one after the other."""
    return lambda step, parts: (step(context, part) for part in parts)
