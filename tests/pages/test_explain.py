import numpy as np
import pytest

from cellapp.explanation.compartments import compartment_table
from cellapp.exports.explanation_truth import FILE, write_truth
from cellapp.exports.tables import read_cells, write_cells
from cellapp.jobs import queue
from cellapp.pipeline import explain_method
from cellapp.settings import CropMode, CropSettings, FeatureSettings
from cellapp.store import job_rows, runs
from cellapp.types.cells import Explanations
from cellapp.ui.components import model_badges
from cellapp.ui.explain import cell_maps, summary_panel
from cellapp.ui.session.results import results_of
from tests.classification.heads import random_head
from tests.pages.seeding import seed_image, seed_run

pytestmark = pytest.mark.slow

PAGE = "pages/analyse/explain.py"


@pytest.fixture
def explained(run_of, monkeypatch):
    """A run whose files hold maps of its first cells, on a machine that has not its models."""
    monkeypatch.setattr(model_badges, "head_of", lambda _run: None)
    run = run_of()
    results = results_of(run)
    cells = results.cells[results.cells["label"] != ""].head(5)
    folder = runs.run_folder(run.id) / run.images[0].stem / "explanations"
    folder.mkdir()
    maps = np.random.default_rng(0).normal(size=(len(cells), 4, 4)).astype(np.float32)
    np.savez(
        folder / "maps.npz",
        maps=maps,
        rest=np.ones(len(cells), np.float32),
        logits=maps.sum(axis=(1, 2)) + 1,
        cell_ids=cells["cell_id"].to_numpy(np.int32),
        target=np.array("cancer"),
        method=np.array("hirescam"),
    )
    return run, cells["cell_id"].astype(int).tolist(), float(np.abs(maps).max())


def figures(app):
    return [element.proto for element in app.get("plotly_chart")]


def sentence(app):
    return next(m.value for m in app.markdown if "a logit of" in m.value).replace("\\", "")


def test_a_cell_is_explained_from_the_files_of_the_run(open_page, explained):
    run, known, limit = explained
    app = open_page(PAGE, run=run.id)
    assert "class token and bias +1.00" in sentence(app)
    assert f'"zmax":{limit:.3f}'[:9] in figures(app)[0].spec.replace(" ", "")
    assert app.query_params["cell"] in ([str(i)] for i in known) or int(np.ravel(app.query_params["cell"])[0]) in known


def test_the_cell_in_the_link_is_shown(open_page, explained):
    run, known, _ = explained
    app = open_page(PAGE, run=run.id)
    offered = app.selectbox(key="explain_list").options
    app.selectbox(key="explain_list").select(offered[-1]).run()
    app.query_params["cell"] = str(known[-1])
    app.run()
    assert any(f"Cell {known[-1]}" in m.value for m in app.markdown)


def test_the_scale_is_that_of_the_whole_run(open_page, explained):
    run, _, limit = explained
    app = open_page(PAGE, run=run.id)
    assert any(f"{limit:.6}"[:6] in figure.spec for figure in figures(app))


def test_a_selection_is_offered_first(open_page, explained):
    run, known, _ = explained
    app = open_page(PAGE, run=run.id)
    app.session_state["chosen_cells"] = {f"{run.id}/{run.images[0].image_id}": known[:2]}
    app.run()
    assert app.selectbox(key="explain_list").options[0] == "Selected"


def test_maps_of_another_kind_need_the_models(open_page, explained):
    run, _, _ = explained
    app = open_page(PAGE, run=run.id)
    app.segmented_control(key="explain_target").set_value("normal").run()
    assert not app.exception
    assert any("The head is not here" in m.value for m in app.markdown)


@pytest.mark.parametrize("options", [{"head": None}, {"n_cells": 0}, {"n_cells": 1}])
def test_nothing_to_explain_is_said(open_page, run_of, options):
    app = open_page(PAGE, run=run_of(**options).id)
    assert any("Go to" in link.value for link in app.page_link) or app.selectbox


def test_a_head_that_makes_no_maps_is_said(open_page, run_of, monkeypatch):
    crop, reads = CropSettings(mode=CropMode.WINDOW), FeatureSettings(source="grid")
    monkeypatch.setattr(model_badges, "head_of", lambda _run: random_head(crop=crop, reads=reads))
    app = open_page(PAGE, run=run_of().id)
    assert not app.exception
    assert any("No maps for this head" in m.value for m in app.markdown)
    assert any("choose a head that reads crops" in m.value for m in app.markdown)


def test_without_image_and_without_run(open_page, tmp_path):
    assert any("No image yet" in m.value for m in open_page(PAGE).markdown)
    one = seed_image(tmp_path)
    assert any("has not been analysed" in m.value for m in open_page(PAGE, image=one.image.id).markdown)


def test_unknown_cell_in_the_link(open_page, explained):
    run, _, _ = explained
    assert "a logit of" in sentence(open_page(PAGE, run=run.id, cell="999999"))


def test_cells_of_other_images_are_not_offered(open_page, tmp_path):
    seeds = [seed_image(tmp_path, seed=seed, name=f"{seed}.tif") for seed in (1, 2)]
    run = seed_run(seeds)
    app = open_page(PAGE, run=run.id, image=seeds[1].image.id)
    assert not app.exception


def test_an_image_that_failed_is_not_said_to_have_no_cells(open_page, seeded, tmp_path):
    run = seed_run([seeded, seed_image(tmp_path, name="broken.tif", seed=2)])
    runs.set_image_status(run.id, run.images[1].image_id, "failed", error="the disk is full")
    runs.finish_run(run.id)
    app = open_page(PAGE, run=run.id, image=run.images[1].image_id)
    assert any("No result for this image yet" in m.value for m in app.markdown)
    assert any("It could not be analysed, see above" in m.value for m in app.markdown)
    assert not any("No cells were found" in m.value for m in app.markdown)


def measured(run, n):
    """Keep an overview of the run's first classified cells, as the worker does."""
    results = results_of(run)
    cells = results.cells[results.cells["label"] != ""].head(n)
    maps = np.random.default_rng(0).normal(size=(n, 4, 4)).astype(np.float32)
    ids = cells["cell_id"].to_numpy(np.int32)
    found = Explanations(maps, np.ones(n, np.float32), maps.sum((1, 2)) + 1, ids, "cancer", "attribution")
    table = compartment_table(found, [np.ones((16, 16), bool)] * n, [None] * n)
    table = table.assign(effect_actin=1.0, effect_nucleus=-3.0, stem=cells["stem"].to_numpy())
    called = {"p": cells["p_cancer"].to_numpy(), "call": cells["label"].to_numpy()}
    table = table.assign(**called, p_without_texture=0.5, call_without_texture="normal")
    write_cells(table, results.folder / "regions_cancer.parquet")


@pytest.mark.parametrize("n", [1, 5])
def test_what_the_whole_run_rests_on_is_drawn_from_its_folder(open_page, explained, n):
    run, _, _ = explained
    measured(run, n)
    app = open_page(PAGE, run=run.id)
    assert any("Without the channel nucleus" in m.value for m in app.markdown)
    assert any(f"Measured on {n} of" in c.value for c in app.caption)
    assert len(figures(app)) == 2 + 4
    assert any("Called again with something removed" in m.value for m in app.markdown)
    assert app.dataframe[0].value["removed"].tolist() == ["texture removed by blur"]
    assert any("one image" in c.value for c in app.caption), "what few images promise is said"


def test_what_an_earlier_version_measured_is_drawn_and_can_be_measured_again(open_page, explained, monkeypatch):
    run, _, _ = explained
    measured(run, 3)
    path = results_of(run).folder / "regions_cancer.parquet"
    write_cells(read_cells(path).drop(columns=["p", "call", "share_rim", "sum_rim"]), path)
    monkeypatch.setattr(model_badges, "head_of", lambda _run: random_head(dim=4))
    monkeypatch.setattr(summary_panel, "explain_seconds", lambda *_, **__: 300.0)
    app = open_page(PAGE, run=run.id)
    assert any("Without the channel nucleus" in m.value for m in app.markdown)
    assert any("earlier version" in c.value for c in app.caption)
    assert app.button(key="measure_overview")


def test_what_a_call_would_be_without_a_channel_is_said_where_it_was_measured(open_page, explained):
    run, known, _ = explained
    measured(run, 1)
    app = open_page(PAGE, run=run.id, cell=str(known[0]))
    n_shown = 0
    for title in app.selectbox(key="explain_list").options:
        app.selectbox(key="explain_list").select(title).run()
        shown = [m.value for m in app.markdown if f"Cell {known[0]}" in m.value]
        said = [m.value for m in app.markdown if "With one channel taken away" in m.value]
        assert bool(shown) == bool(said)
        n_shown += len(shown)
    assert n_shown


def test_a_short_measurement_starts_by_itself_once(open_page, explained, monkeypatch):
    run, _, _ = explained
    monkeypatch.setattr(model_badges, "head_of", lambda _run: random_head(dim=4))
    monkeypatch.setattr(summary_panel, "explain_seconds", lambda *_, **__: 3.0)
    app = open_page(PAGE, run=run.id)
    (job,) = [job for job in queue.list_jobs(run.project_id, active=False) if job.kind == "regions"]
    assert job.payload == {"run_id": run.id, "target": "cancer"}
    job_rows.change_job(job.id, only_if="queued", status="failed", error="the disk is full")
    app.run()
    assert any("The disk is full" in e.value for e in app.error)
    app.button(key="measure_overview").click().run()
    assert len([job for job in queue.list_jobs(run.project_id, active=True) if job.kind == "regions"]) == 1


def test_a_long_measurement_waits_for_a_click(open_page, explained, monkeypatch):
    run, _, _ = explained
    monkeypatch.setattr(model_badges, "head_of", lambda _run: random_head(dim=4))
    monkeypatch.setattr(summary_panel, "explain_seconds", lambda *_, **__: 300.0)
    app = open_page(PAGE, run=run.id)
    assert not queue.list_jobs(run.project_id, active=True)
    assert any("about 5 min on this machine" in c.value for c in app.caption)


@pytest.mark.parametrize("true", [True, False])
def test_whether_maps_are_true_of_the_head_is_said_with_the_figures(open_page, explained, monkeypatch, tmp_path, true):
    run, _, _ = explained
    head = random_head(dim=4)
    monkeypatch.setattr(model_badges, "head_of", lambda _run: head)
    monkeypatch.setattr(explain_method, "model_folder", lambda _name: tmp_path)
    write_truth({"head": head.identity, "methods": {"exact": figures_of(1.5, true=true)}}, tmp_path / FILE)
    app = open_page(PAGE, run=run.id)
    assert not app.exception
    assert any("fails on this head" in w.value and "+1.50" in w.value for w in app.warning) != true
    assert any("True of this head" in m.value for m in app.markdown) == true


def test_the_most_faithful_method_is_chosen_at_first_and_told(open_page, explained, monkeypatch, tmp_path):
    run, _, _ = explained
    head = random_head(dim=4)
    monkeypatch.setattr(model_badges, "head_of", lambda _run: head)
    monkeypatch.setattr(cell_maps, "_computed", lambda *_, **__: {})
    monkeypatch.setattr(explain_method, "model_folder", lambda _name: tmp_path)
    found = {"exact": figures_of(1.0), "class-token": figures_of(2.0), "occlusion": figures_of(9.0, true=False)}
    write_truth({"head": head.identity, "methods": found}, tmp_path / FILE)
    app = open_page(PAGE, run=run.id)
    assert not app.exception
    assert app.selectbox(key="explain_method").value == "class-token"
    assert "Patches and class token (most faithful)" in app.selectbox(key="explain_method").options
    assert any("True of this head and most faithful to it" in m.value for m in app.markdown)
    app.selectbox(key="explain_method").select("exact").run()
    assert not any("most faithful to it" in m.value for m in app.markdown)


def figures_of(gain, *, true=True):
    row = dict.fromkeys(("deletion", "insertion", "road"), {"gain": {"value": gain, "low": gain / 2, "high": 2 * gain}})
    return row | {"held": 0.5, "true": true, "warnings": [] if true else ["the map changes when the crop is turned"]}


def test_without_the_head_nothing_is_measured(open_page, explained):
    run, _, _ = explained
    app = open_page(PAGE, run=run.id)
    assert any("The head of this run is not here" in c.value for c in app.caption)
    assert not queue.list_jobs(run.project_id, active=True)


def test_maps_that_take_long_are_made_by_the_worker(open_page, explained, monkeypatch):
    run, known, _ = explained
    monkeypatch.setattr(model_badges, "head_of", lambda _run: random_head(dim=4))
    monkeypatch.setattr(cell_maps, "explain_seconds", lambda *_, **__: 12.0)
    app = open_page(PAGE, run=run.id, cell=str(known[0]))
    app.selectbox(key="explain_list").select("Unsure").run()
    asked = [job for job in queue.list_jobs(run.project_id, active=False) if job.kind == "explain"]
    assert asked
    assert not {i for job in asked for i in job.payload["cell_ids"]} & set(known)
    app.run()
    assert len([job for job in queue.list_jobs(run.project_id, active=False) if job.kind == "explain"]) == len(asked)
    for job in asked:
        job_rows.change_job(job.id, only_if="queued", status="failed", error="the head is away")
    app.run()
    assert any("The head is away" in e.value for e in app.error)
