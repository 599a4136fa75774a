"""Records of runs add up over their images."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.settings import AnalyseSettings
from cellapp.store.records import RunImage, RunRecord, Status

START = datetime(2026, 1, 1, tzinfo=UTC)
IMAGES = st.lists(
    st.builds(
        RunImage, st.just(""), st.just("a.tif"), st.just("a"), st.sampled_from(Status), st.none() | st.integers(0, 9)
    )
)


@pytest.fixture(autouse=True)
def _on_every_database():
    """Nothing here needs a database."""


def run_of(images=(), **values):
    numbered = tuple(RunImage(f"image{n}", i.name, i.stem, i.status, i.n_cells) for n, i in enumerate(images))
    return RunRecord("id", "project", "Run 1", Status.QUEUED, AnalyseSettings(), numbered, START, **values)


@given(IMAGES)
def test_a_run_has_the_cells_of_its_images(images):
    run = run_of(images)
    assert run.n_cells == sum(image.n_cells for image in images if image.n_cells)
    assert run.n_done == [image.status for image in images].count(Status.DONE)


@given(IMAGES)
def test_an_image_is_found_by_its_id_and_a_stranger_is_not(images):
    run = run_of(images)
    assert [run.image(f"image{n}") for n in range(len(images))] == list(run.images)
    assert run.image("another") is None


@given(st.floats(0, 1e6))
def test_a_run_took_the_time_from_its_start_to_its_end(seconds):
    end = START + timedelta(seconds=seconds)
    assert run_of(started=START, finished=end).seconds == pytest.approx(seconds, abs=1e-6)
    assert run_of(started=START).seconds is None
    assert run_of(finished=end).seconds is None


@pytest.mark.parametrize("status", Status)
def test_only_what_waits_or_works_is_active(status):
    assert status.active == (status.value in ("queued", "running"))
