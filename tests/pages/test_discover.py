"""Discover, from a run without clusters to named ones; and what the page says where something is missing."""

import pytest

from cellapp.discovery.discover import DiscoverSettings
from cellapp.jobs import queue
from cellapp.jobs.discover import DISCOVER, DiscoverRequest, discover_run
from cellapp.store.labels import list_labels
from tests.jobs.trainable import trainable_run

PAGE = "pages/learn/discover.py"
QUICK = DiscoverSettings(method="kmeans", k=2, layout="pca")


def words(app):
    kinds = ("markdown", "caption", "warning", "error", "info", "success", "subheader")
    return " ".join(str(one.value) for kind in kinds for one in getattr(app, kind)).replace("\\", "")


def test_without_image_run_or_cells_it_leads_on(open_page, home):
    assert "No image yet" in words(open_page(PAGE))


def test_without_a_run_it_leads_to_segment(open_page, seeded):
    assert "has not been analysed" in words(open_page(PAGE))


def test_without_cells_it_says_what_to_try(open_page, run_of):
    run_of(n_cells=0, head=None)
    assert "No cells were found" in words(open_page(PAGE))


def test_a_search_is_asked_for_and_its_failure_told(open_page, run_of, no_worker):
    run = run_of(head=None)
    app = open_page(PAGE)
    assert "Are there kinds of cells here?" in words(app)
    app.toggle(key="discover_auto").set_value(False).run()
    app.number_input(key="discover_k").set_value(4)
    app.selectbox(key="discover_of").select("measured")
    app.button(key="discover_start").click().run()
    assert not app.exception
    [job] = queue.list_jobs(run.project_id)
    request = DiscoverRequest.model_validate(job.payload)
    assert (request.of, request.settings.k) == ("measured", 4)
    assert app.button(key="discover_start").disabled
    queue.claim("w")
    queue.fail(job.id, "too few cells", worker_id="w")
    assert "Too few cells" in words(open_page(PAGE))
    assert no_worker


@pytest.fixture
def found(tmp_path):
    run = trainable_run(tmp_path)
    request = DiscoverRequest(run_id=run.id, settings=QUICK)
    discover_run(request)
    return run, request


def test_clusters_are_shown_compared_and_named(open_page, found):
    run, request = found
    app = open_page(PAGE)
    said = words(app)
    assert "2 clusters among" in said
    assert "Cramer's V" in said
    assert "Cluster 1" in said
    assert "Cluster 2" in said
    app.text_input(key=f"discover_name_{request.key}_0").set_value("round").run()
    app.button(key="discover_label_0").click().run()
    assert not app.exception
    labels = list_labels(run.project_id)
    assert {label.class_name for label in labels} == {"round"}
    assert f"{len(labels):,} cells are labelled round" in words(app)
    app.button(key="discover_undo_button").click().run()
    assert not list_labels(run.project_id)
    assert "cells are labelled" not in words(app)


def test_of_two_searches_the_newest_is_shown_first(open_page, found):
    run, _ = found
    discover_run(DiscoverRequest(run_id=run.id, settings=QUICK.model_copy(update={"k": 3})))
    app = open_page(PAGE)
    assert "3 clusters among" in words(app)
    app.selectbox(key=f"discover_shown_{run.id}").select_index(1).run()
    assert "2 clusters among" in words(app)


def test_while_it_works_progress_is_shown(open_page, found):
    run, request = found
    queue.submit(DISCOVER, request.model_dump(mode="json"), run.project_id)
    app = open_page(PAGE)
    assert app.button(key="discover_cancel")
    assert "2 clusters among" in words(app)
