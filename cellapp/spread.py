"""How the parts of one image's work are handed out: one after the other here, or by an engine elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cellapp.images.channels import check_pair
from cellapp.kit import Kit, describe
from cellapp.settings import AnalyseSettings
from cellapp.types import OnStep, Role, Slide


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


class Countdown:
    """Says how far the parts of a step are and how long the rest will take.

    Parameters
    ----------
    tell : callable
        Progress of the image.
    step : str
        What is done, "Finding cells".
    part : str
        What it is done with, "tile".
    n_total, n_before : int
        Parts in all, and those that were finished earlier.
    span : tuple of float
        Fractions of the image at which the step begins and ends.
    """

    def __init__(
        self, tell: OnStep, step: str, part: str, *, n_total: int, n_before: int, span: tuple[float, float]
    ) -> None:
        self._tell, self._step, self._part, self._span = tell, step, part, span
        self._n_total, self._n_before, self._n_done = n_total, n_before, n_before
        self._began_s = time.monotonic()
        self._say()

    def one_more(self) -> None:
        """Count a finished part; may raise `Cancelled`."""
        self._n_done += 1
        self._say()

    def _say(self) -> None:
        low, high = self._span
        fraction = low + (high - low) * self._n_done / max(self._n_total, 1)
        words = self._step
        if self._n_total > 1:
            words += f", {self._part} {min(self._n_done + 1, self._n_total)} of {self._n_total}{self._left()}"
        self._tell(words, fraction)

    def _left(self) -> str:
        n_new = self._n_done - self._n_before
        if n_new == 0 or self._n_done >= self._n_total:
            return ""
        return f", about {in_words((time.monotonic() - self._began_s) / n_new * (self._n_total - self._n_done))} left"


def in_words(seconds: float) -> str:
    """Return a length of time as people say it: "40 s", "3 min", "2 h"."""
    if seconds < 90:
        return f"{max(round(seconds / 10) * 10, 10)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600, 1):g} h"
