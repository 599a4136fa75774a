"""Progress of the parts of a step, with the time that is left."""

from __future__ import annotations

import time

from cellapp.types.image import OnStep


def no_progress(step: str, fraction: float) -> None:
    """Progress that nobody follows."""


class StepProgress:
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

    def advance(self) -> None:
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
        seconds = (time.monotonic() - self._began_s) / n_new * (self._n_total - self._n_done)
        return f", about {duration_words(seconds)} left"


def duration_words(seconds: float) -> str:
    """Return a length of time as people say it: "40 s", "3 min", "2 h"."""
    if seconds < 90:
        return f"{max(round(seconds / 10) * 10, 10)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{round(seconds / 3600, 1):g} h"
