"""What tests of figures share."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def few_resamples() -> Iterator[None]:
    """Draw intervals from few resamples: they are there and in order, and take no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cellapp.evaluation.intervals.RESAMPLES", 20)
        yield
