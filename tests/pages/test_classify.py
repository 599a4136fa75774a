import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.cells.answer import judge
from cellapp.exports.stored_summary import stored_answer, stored_summary
from cellapp.jobs import queue
from cellapp.jobs.handlers import HANDLERS
from cellapp.store import cells as cell_store
from cellapp.store import images, runs
from cellapp.store.records import Status
from cellapp.ui.session.results import results_of
from tests.pages.seeding import HOSTILE_NAME, seed_image, seed_run

pytestmark = pytest.mark.slow

PAGE = "pages/analyse/classify.py"


def answer(app):
    return next(m.value for m in app.markdown if m.value.startswith("### **"))


def test_the_first_line_is_the_answer(open_page, run_of):
    run = run_of()
    app = open_page(PAGE, run=run.id)
    assert f"**{run.n_cells:,} cells in 1 image**. Demonstration: " in answer(app)
    assert "called cancer" in answer(app)
    assert "%" not in answer(app)
    assert any("synthetic cells only" in badge.value for badge in app.markdown)
    assert any("balanced accuracy on 40 synthetic slides" in badge.value for badge in app.markdown)
    assert any(run.id in caption.value and "not for diagnosis" in caption.value for caption in app.caption)


OURS = "/heads/of/ours"
CASES = [
    *({"head": OURS}, {"head": OURS, "unlike": 1.0}, {"head": OURS, "unlike": 0.5}, {"head": OURS, "unlike": 0.6}),
    *({}, {"unlike": 1.0}, {"head": None}, {"n_cells": 0}, {"n_cells": 1, "head": OURS, "unlike": 1.0}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_page_api_and_files_decide_alike(open_page, run_of, case):
    run = run_of(**case)
    told = TestClient(api).get(f"/runs/{run.id}").json()
    (image,) = told["images"]
    results = results_of(run)
    decided = judge(results.called(), results.demonstration)
    assert told["answer"] == image["summary"]["answer"] == decided.fitness
    assert told["answer_reason"] == image["summary"]["answer_reason"] == decided.reason
    folder = results.folder / run.images[0].stem
    assert stored_answer(folder, [stored_summary(folder)]) == decided
    app = open_page(PAGE, run=run.id)
    assert ("No classifier for cells like these yet" in answer(app)) == (decided.unfit and decided.mostly_unlike)
    assert ("Demonstration: " in answer(app)) == (decided.unfit and not decided.mostly_unlike)
    assert ("% cancer" in answer(app)) == (decided.fitness == "fit")
    folded = any(expander.label.startswith("Shares by ") for expander in app.expander)
    assert folded == decided.unfit
    assert any(button.key == "go_train" for button in app.button) == decided.unfit
    praised = any("balanced accuracy" in m.value and "synthetic" not in m.value for m in app.markdown)
    assert not (praised and decided.unfit)


def test_what_an_unfit_head_says_is_folded_away_and_can_be_seen(open_page, run_of):
    run = run_of(head=OURS, unlike=0.6)
    app = open_page(PAGE, run=run.id)
    key = f"classify_threshold_{run.id}"
    assert key not in app.session_state
    for folded in ("classify_unfit", "classify_p"):
        app.session_state[folded] = True
    app.run()
    assert not app.exception
    assert key in app.session_state
    assert any("left out of a share" in caption.value for caption in app.caption)


def test_without_a_run_it_says_where_to_go(open_page, seeded):
    app = open_page(PAGE, image=seeded.image.id)
    assert any("has not been analysed" in m.value for m in app.markdown)


def test_no_image_at_all(open_page):
    assert any("No image yet" in m.value for m in open_page(PAGE).markdown)


def test_zero_cells_say_what_to_try(open_page, run_of):
    app = open_page(PAGE, run=run_of(n_cells=0).id)
    assert "**0 cells in 1 image**" in answer(app)
    assert any("No cells were found" in m.value for m in app.markdown)


def test_one_cell(open_page, run_of):
    app = open_page(PAGE, run=run_of(n_cells=1).id)
    assert "**1 cell in 1 image**" in answer(app)


def test_counting_without_a_head(open_page, run_of):
    app = open_page(PAGE, run=run_of(head=None).id)
    assert "cancer" not in answer(app)
    assert any("no probabilities" in caption.value for caption in app.caption)


def test_a_moved_threshold_counts_anew_without_any_model(open_page, run_of, monkeypatch):

    run = run_of()
    app = open_page(PAGE, run=run.id)
    monkeypatch.setattr("cellapp.models.load.require_ready", lambda _: pytest.fail("a model was loaded"))
    before = answer(app)
    app.slider(key=f"classify_threshold_{run.id}").set_value(0.95).run()
    assert not app.exception
    assert answer(app) != before
    assert any("threshold of 0.95" in caption.value for caption in app.caption)


def test_ticked_rows_are_the_selection_everywhere(open_page, run_of):
    run = run_of()
    app = open_page(PAGE, run=run.id)
    table = app.dataframe[0].value
    key = next(k for k in app.session_state.to_dict() if str(k).startswith("classify_table_"))
    app.session_state[key] = {"selection": {"rows": [0, 2], "columns": [], "cells": []}}
    app.run()
    assert not app.exception
    chosen = app.session_state["chosen_cells"][f"{run.id}/{run.images[0].image_id}"]
    assert sorted(chosen) == sorted(table["cell_id"].iloc[[0, 2]].tolist())
    assert any(s.value == "2 cells selected" for s in app.subheader)
    app.button(key="clear_cells").click().run()
    assert not any("selected" in s.value for s in app.subheader)


def test_a_persons_word_counts_at_once_and_reaches_the_files(open_page, run_of):
    run = run_of()
    image_id = run.images[0].image_id
    cells = results_of(run).cells
    unlucky = cells[cells["label"] == "cancer"]["cell_id"].astype(int).tolist()[:2]
    app = open_page(PAGE, run=run.id)
    before = answer(app)
    app.session_state["chosen_cells"] = {f"{run.id}/{image_id}": unlucky}
    app.session_state["chosen_cells_by"] = "map_pca"
    app.run()
    app.selectbox(key="relabel_class").select("normal").run()
    app.button(key="relabel_apply").click().run()
    assert not app.exception
    assert answer(app) != before
    job = next(job for job in queue.list_jobs(run.project_id) if job.kind == "relabel")
    HANDLERS["relabel"](dict(job.payload), lambda *_: None)
    again = results_of(runs.get_run(run.id))
    written = again.cells.set_index("cell_id").loc[unlucky, "manual_label"]
    assert written.tolist() == ["normal", "normal"]
    assert cell_store.manual_labels(run.id) == {image_id: dict.fromkeys(unlucky, "normal")}


def test_an_open_menu_lists_every_file_with_its_size(open_page, run_of):
    run = run_of()
    app = open_page(PAGE, run=run.id)
    assert not app.download_button
    app.session_state["classify_download"] = True
    app.run()
    labels = [button.label for button in app.download_button]
    for wanted in ("Crops", "CSV", "Parquet", "GeoJSON", "Label image", "Overlay", "Everything"):
        assert any(wanted in label for label in labels), labels


def test_groups_by_condition(open_page, tmp_path):
    seeds = [seed_image(tmp_path, seed=seed, name=f"{seed}.tif") for seed in (1, 2)]
    for one, line in zip(seeds, ("HeLa", "MCF10A"), strict=True):
        images.set_conditions(one.image.id, {"cell_line": line})
    run = seed_run(seeds)
    app = open_page(PAGE, run=run.id)
    assert "in 2 images" in answer(app)
    app.segmented_control(key="classify_group").set_value("cell_line").run()
    assert not app.exception


@pytest.mark.parametrize("look", ["By likeness (UMAP)", "By place"])
def test_every_map_opens(open_page, run_of, look):
    app = open_page(PAGE, run=run_of().id)
    app.segmented_control(key="classify_map").set_value(look).run()
    assert not app.exception


def test_umap_goes_to_the_worker(open_page, run_of, no_worker):
    run = run_of()
    app = open_page(PAGE, run=run.id)
    app.segmented_control(key="classify_map").set_value("By likeness (UMAP)").run()
    app.button(key="classify_umap").click().run()
    assert [job.kind for job in queue.list_jobs(run.project_id)] == ["project"]
    assert no_worker


def test_hostile_names_are_shown_as_text(open_page, tmp_path):
    run = seed_run([seed_image(tmp_path, name=HOSTILE_NAME)])
    app = open_page(PAGE, run=run.id)
    assert not any("<img" in m.value for m in app.markdown if m.allow_html)


def test_a_failed_image_says_why(open_page, seeded, run_of):
    run = run_of()
    runs.set_image_status(run.id, run.images[0].image_id, Status.FAILED, error="the disk is full")
    runs.finish_run(run.id)
    app = open_page(PAGE, run=run.id)
    assert any("the disk is full" in error.value for error in app.error)


def test_a_failed_image_is_looked_at_beside_good_ones(open_page, seeded, tmp_path):
    run = seed_run([seeded, seed_image(tmp_path, name="broken.tif", seed=2)])
    runs.set_image_status(run.id, run.images[1].image_id, Status.FAILED, error="the disk is full")
    runs.finish_run(run.id)
    app = open_page(PAGE, run=run.id, image=run.images[1].image_id)
    assert "in 1 image" in answer(app)
    assert any("cells in all images" in subheader.value for subheader in app.subheader)


def test_this_image_alone_when_it_failed(open_page, seeded, tmp_path):
    others = [seed_image(tmp_path, name=f"{seed}.tif", seed=seed) for seed in (2, 3)]
    run = seed_run([seeded, *others])
    runs.set_image_status(run.id, run.images[2].image_id, Status.FAILED, error="the disk is full")
    runs.finish_run(run.id)
    app = open_page(PAGE, run=run.id, image=run.images[2].image_id)
    app.segmented_control(key="classify_scope").set_value("This image").run()
    assert not app.exception
    assert any("No cell to draw" in caption.value for caption in app.caption)


def test_unknown_ids_in_the_link_are_no_crash(open_page, run_of):
    run_of()
    assert not open_page(PAGE, run="nothere", image="norhere", cell="999").exception


def test_what_stands_below_each_cell_is_told(open_page, run_of):
    captions = {head: texts_of(open_page(PAGE, run=run_of(head=head).id)) for head in ("demo-head", None)}
    assert r"Below each cell: number and p(cancer)" in captions["demo-head"]
    assert "Below each cell" not in captions[None]


def texts_of(app):
    return " ".join(caption.value for caption in app.caption)


def test_a_click_on_a_cell_shows_its_crop_and_the_way_to_its_explanation(open_page, run_of, seeded):
    run = run_of()
    app = open_page(PAGE, run=run.id)
    cell = results_of(run).cells.query("qc_pass").iloc[3]
    y, x = int(cell["centroid_y_px"]), int(cell["centroid_x_px"])
    mark = {"kind": "point", "y": y, "x": x, "reach": 4.0, "n": 1}
    app.session_state[f"classify_slide_{seeded.image.id}"] = {"mark": mark}
    app.run()
    assert not app.exception
    assert any(m.value.startswith(f"**Cell {cell['cell_id']}** counts as") for m in app.markdown)
    assert app.button(key="explain_one")
