"""The benchmark of pages on a small run."""

import pytest

from benchmarks import page_times, pages, wide_slide
from cellapp.cells.counts import classes_of
from cellapp.store import database, runs
from cellapp.ui.session.results import results_of

pytestmark = pytest.mark.slow


def test_every_page_is_timed(home):
    figures = pages.measure(home, 100, 1)
    database.dispose()
    assert figures["n_cells"] >= 100
    assert 0 < figures["first_page_s"] < 60
    assert set(figures["switch_ms_by_page"]) == set(figures["rerun_ms_by_page"]) == set(page_times.PAGES)
    assert set(figures["threshold_processor_ms_by_page"]) == {"classify"}
    assert figures["switch_ms_min"] <= figures["switch_ms"] <= figures["switch_ms_max"]


def test_the_run_it_walks_has_calls_vectors_and_its_counts(home, tmp_path):
    image = wide_slide.seed_image(tmp_path, wide_slide.shape_for(50), 3)
    run = wide_slide.seed_run(image, head="demo-head")
    results = results_of(run)
    assert classes_of(results.cells) == ("cancer", "normal")
    assert len(results.cells) == run.n_cells >= 50
    assert (runs.run_folder(run.id) / run.images[0].stem / "embeddings.npz").is_file()
    database.dispose()
