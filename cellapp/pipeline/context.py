"""How the parts of one image's work are handed out: one after the other here, or by an engine elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cellapp.images.channels import check_pair, describe
from cellapp.models.bundle import Kit
from cellapp.settings import AnalyseSettings
from cellapp.types.image import Role, Slide


@dataclass(frozen=True, eq=False)
class Bench:
    """One image as it lies before a worker: described by the user, with the models of the run."""

    slide: Slide  # cells are found in it
    source: Slide  # cells are measured in it and cut from it; often the same
    slide_roles: tuple[Role, ...]
    roles: tuple[Role, ...]  # of the source
    um_per_px: float | None
    kit: Kit
    settings: AnalyseSettings


def lay_out(slide: Slide, target: Slide | None, kit: Kit, settings: AnalyseSettings) -> Bench:
    """Apply channel names, roles and pixel size to the slides of one image.

    Raises
    ------
    InputError
        When the channels cannot be used, or the two slides differ in size.
    """
    described, slide_roles, um_per_px = describe(slide, settings)
    if target is None:
        return Bench(described, described, slide_roles, slide_roles, um_per_px, kit, settings)
    check_pair(described, target)
    source, roles, _ = describe(target, settings)
    return Bench(described, source, slide_roles, roles, um_per_px, kit, settings)


Step = Callable[[Bench, Any], Any]
"""What is done with one part; picklable, and it leaves its result in the work folder."""

Spread = Callable[[Step, Sequence[Any]], Iterator[Any]]
"""Does a step with every part, in any order and anywhere, and yields as each ends."""


def in_turn(bench: Bench) -> Spread:
    """Return the `Spread` that works through the parts here, one after the other."""
    return lambda step, parts: (step(bench, part) for part in parts)
