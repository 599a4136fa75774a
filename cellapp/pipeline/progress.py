"""Progress of the parts of a step, and lengths of time in words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TypeVar

from cellapp.types.image import OnStep

OnImageStep = Callable[[str, str, float], None]
"""Progress of an image of a run: its stem, what is being done, and the fraction done of it; may raise `Cancelled`."""

Part = TypeVar("Part")


def no_progress(step: str, fraction: float) -> None:
    """Report nothing: the `OnStep` of a caller that shows no progress."""


def part_of(on_step: OnStep, start: float, end: float) -> OnStep:
    """Return the progress of a part of some work, whose whole reports to `on_step`.

    Parameters
    ----------
    on_step : callable
        Of the whole.
    start, end : float
        Fractions of the whole at which the part begins and ends.
    """
    return lambda step, fraction: on_step(step, start + (end - start) * fraction)


class RunProgress:
    """Progress of a run of which several images may be in hand: the mean of theirs.

    Parameters
    ----------
    on_step : callable
        Progress of the run; may raise `Cancelled`.
    n_images : int
    """

    def __init__(self, on_step: OnStep, n_images: int) -> None:
        self._on_step, self._n_images = on_step, n_images
        self._parts: dict[str, float] = {}

    def tell(self, stem: str, step: str, part: float) -> None:
        """Report a step of the image of this stem: an `OnImageStep`."""
        self._parts[stem] = part
        self._on_step(step, sum(self._parts.values()) / self._n_images)


class StepProgress:
    """Reports how many parts of a step are finished and how long the rest will take.

    Parameters
    ----------
    on_step : callable
        Progress of the image; may raise `Cancelled`.
    step : str
        What is done, "Finding cells".
    part : str
        Name of one part, "tile".
    n_total, n_before : int
        Parts in all, and those that were finished by an earlier run.
    span : tuple of float
        Fractions of the image at which the step begins and ends.
    """

    def __init__(
        self, on_step: OnStep, step: str, part: str, *, n_total: int, n_before: int, span: tuple[float, float]
    ) -> None:
        self._on_step, self._step, self._part, self._span = on_step, step, part, span
        self._n_total, self._n_before, self._n_done = n_total, n_before, n_before
        self._began_s = time.monotonic()
        self._report()

    def advance(self) -> None:
        """Count a finished part; may raise `Cancelled`."""
        self._n_done += 1
        self._report()

    def _report(self) -> None:
        low, high = self._span
        fraction = low + (high - low) * self._n_done / max(self._n_total, 1)
        message = self._step
        if self._n_total > 1:
            message += f", {self._part} {min(self._n_done + 1, self._n_total)} of {self._n_total}{self._time_left()}"
        self._on_step(message, fraction)

    def _time_left(self) -> str:
        n_new = self._n_done - self._n_before
        if n_new == 0 or self._n_done >= self._n_total:
            return ""
        seconds = (time.monotonic() - self._began_s) / n_new * (self._n_total - self._n_done)
        return f", about {rough_duration(seconds)} left"


# humanize writes "40 seconds" and "an hour"; progress lines want units and round numbers.
def duration(seconds: float) -> str:
    """Write a length of time with units, "40 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def rough_duration(seconds: float) -> str:
    """Write an estimate of a length of time, rounded as far as it can be trusted: "40 s", "3 min", "1.5 h"."""
    if seconds < 90:
        return f"{max(round(seconds / 10) * 10, 10)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600, 1):g} h"


def do_missing(
    parts: Sequence[Part],
    is_there: Callable[[Part], bool],
    run: Callable[[list[Part]], Iterable[object]],
    on_step: OnStep,
    step: str,
    part: str,
    span: tuple[float, float] = (0.0, 1.0),
) -> None:
    """Do the parts that an earlier run has not finished, and report each; the parameters are those of `hand_out`."""
    hand_out(parts, is_there, run, on_step, step, part, span)()


def hand_out(
    parts: Sequence[Part],
    is_there: Callable[[Part], bool],
    run: Callable[[list[Part]], Iterable[object]],
    on_step: OnStep,
    step: str,
    part: str,
    span: tuple[float, float] = (0.0, 1.0),
) -> Callable[[], None]:
    """Hand out the parts of a step that an earlier run has not finished; other work can be done beside them.

    Parameters
    ----------
    parts : sequence
    is_there : callable
        Whether the result of a part is there already.
    run : callable
        Hands out some parts and yields once for each that is finished.
    on_step, step, part, span
        See `StepProgress`.

    Returns
    -------
    callable
        Waits for the parts and reports each. Called again it does nothing.
    """
    missing = [one for one in parts if not is_there(one)]
    finished = run(missing)

    @cache
    def wait() -> None:
        n_before = len(parts) - len(missing)
        progress = StepProgress(on_step, step, part, n_total=len(parts), n_before=n_before, span=span)
        for _ in finished:
            progress.advance()

    return wait
