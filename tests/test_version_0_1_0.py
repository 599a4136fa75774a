"""What version 0.1.0 stored opens and goes on: its database, runs, waiting jobs, settings and pages.

tests/data/version_0_1_0.zip was written by that version (2026-11-21), before modules moved: a project with one image, a
finished run with manual classes, maps and an explanation summary, a run and jobs that still wait, a trained head, and
the folder of an `analyse`. How a head of that time predicts is in tests/training/classifier.
"""

import json
import os
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from streamlit.testing.v1 import AppTest

from cellapp.api.app import api
from cellapp.cli import main
from cellapp.config import app_settings
from cellapp.exports.class_versions import read_versions
from cellapp.exports.explanations import read_explanation_summary, read_maps, stored_maps
from cellapp.exports.image_folder import read_analysis
from cellapp.exports.tables import read_cells
from cellapp.jobs import queue, worker_process
from cellapp.jobs.rescore import request_rescore, rescore_run
from cellapp.jobs.worker import run_worker
from cellapp.segmentation.label_image import read_labels
from cellapp.store import cells, database, images, projects, runs
from cellapp.store.labels import list_labels
from cellapp.store.open_image import open_slide
from cellapp.store.records import Status
from cellapp.store.run_labels import labels_of_run
from tests.paths import ROOT

pytestmark = pytest.mark.slow

DATA = ROOT / "tests" / "data" / "version_0_1_0.zip"
PAGES = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "pages").rglob("*.py"))]


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Unpack the folder; its home is the CELLAPP_HOME of the test."""
    with zipfile.ZipFile(DATA) as archive:
        archive.extractall(tmp_path / "stored")
    for path in (tmp_path / "stored").rglob("*"):
        os.utime(path, (0, 0))  # a summary older than its labels would count as stale; unpacking has no order
    monkeypatch.setenv("CELLAPP_HOME", str(tmp_path / "stored" / "home"))
    monkeypatch.setattr(worker_process, "ensure_worker", lambda *_: None)
    app_settings.cache_clear()
    yield tmp_path / "stored"
    database.dispose()


@pytest.fixture
def ids(stored):
    return json.loads((stored / "expected.json").read_text())


def test_records_are_what_they_were(ids):
    (project,) = [one for one in projects.list_projects() if one.id == ids["project"]]
    assert project.name == "Plate 7, Tuesday"
    image = images.get_image(ids["image"])
    assert (image.name, image.um_per_px, image.info.shape) == ("well A1.ome.tif", 0.325, (3, 224, 224))
    assert open_slide(image.id).region().shape == (3, 224, 224)
    run = runs.get_run(ids["run"])
    assert (run.status, run.n_cells, run.settings.seed, run.settings.explain.n) == (Status.DONE, 8, 5, 2)
    assert runs.get_run(ids["waiting"]).settings.seed == 6


def test_cells_keep_the_classes_a_person_gave(ids):
    table = cells.load_cells(ids["run"])
    assert len(table) == 8
    assert {str(cell): name for cell, name in cells.manual_labels(ids["run"])[ids["image"]].items()} == ids["manual"]


def test_classes_of_that_time_are_labels_of_the_project(ids):
    """Nobody knows by whom; their outlines come from the files of the run."""
    found = list_labels(ids["project"])
    assert {str(label.cell_id): label.class_name for label in found} == ids["manual"]
    assert {(label.who, label.source, label.run_id) for label in found} == {("", "hand", ids["run"])}
    assert (
        labels_of_run(ids["run"]).table.astype({"cell_id": str}).set_index("cell_id")["class_name"].to_dict()
        == (ids["manual"])
    )


def test_files_of_the_run_are_read(ids):
    folder = runs.run_folder(ids["run"])
    assert len(read_cells(folder / "well_A1" / "cells.parquet")) == 8
    assert sorted(stored_maps(folder / "well_A1", "cancer").cell_ids.tolist()) == ids["explained"]
    assert len(read_explanation_summary(folder, ["well_A1"], "cancer"))
    assert read_analysis(folder / "well_A1").mask.labels.max() == 8
    assert read_maps(folder / "well_A1" / "explanations" / "maps.npz").target == "cancer"


def test_waiting_work_is_done_and_finds_the_same_cells(ids):
    """The queued run has the settings of the finished one but for its seed; `compact` has learnt more since."""
    run_worker(once=True, poll_s=0.01)
    jobs = queue.list_jobs(ids["project"], active=False)
    assert {job.kind: job.status for job in jobs} == dict.fromkeys(("analyse", "regions", "judge"), Status.DONE)
    again = runs.get_run(ids["waiting"])
    assert again.status is Status.DONE
    old, new = (read_cells(runs.run_folder(run) / "well_A1" / "cells.parquet") for run in (ids["run"], again.id))
    manual = [int(cell) for cell in ids["manual"]]
    same_cells(old.drop(index=manual), new.drop(index=manual))
    matched = labels_of_run(again.id)  # labels go along, as cells of the new run
    assert (sorted(matched.table["cell_id"]), matched.lost) == (sorted(manual), ())


def test_a_run_json_repeats_its_run_as_far_as_weights_are_the_same(stored, capsys):
    """`analyse --settings run.json` on the same bytes under the same name; it says that `compact` is another."""
    (blob,) = (path for path in (stored / "home" / "files").rglob("*") if path.is_file())
    shutil.copyfile(blob, stored / "demo.tif")
    settings, out = stored / "analysed" / "demo" / "run.json", stored / "again"
    assert main(["analyse", str(stored / "demo.tif"), "--out", str(out), "--settings", str(settings)]) == 0
    old, new = (json.loads((folder / "demo" / "run.json").read_text()) for folder in (stored / "analysed", out))
    assert new["input"] | old["input"] == new["input"]  # newer versions say more of a file, and the same
    for name, part in new["settings"].items():  # newer versions have more settings, at their defaults
        before = old["settings"][name]
        assert part == (part | before if isinstance(part, dict) and name != "channels" else before), name
    for key in ("settings_digest", "encoder", "head", "roles"):
        assert new[key] == old[key], key
    told = [line for line in capsys.readouterr().err.splitlines() if "other weights" in line]
    before, after = (tree["weights_sha256"]["compact/weights.safetensors"][:8] for tree in (old, new))
    assert len(told) == 1
    assert told[0].startswith(
        f"cellapp: compact has other weights now than when the run was made ({before} then, {after} now)"
    )
    found = [read_labels(folder / "demo" / "labels.tif") > 0 for folder in (stored / "analysed", out)]
    assert (found[0] & found[1]).sum() > 0.95 * (found[0] | found[1]).sum()
    same_cells(*(pd.read_csv(folder / "demo" / "cells.csv") for folder in (stored / "analysed", out)))


def test_the_labels_of_that_time_give_its_tables_again(stored, capsys):
    """Measures, vectors and classes are what they were; the segmenter, which is another, has no part in them."""
    (blob,) = (path for path in (stored / "home" / "files").rglob("*") if path.is_file())
    shutil.copyfile(blob, stored / "demo.tif")
    before, out = stored / "analysed" / "demo", stored / "again"
    labels = ["--labels", str(before / "labels.tif"), "--settings", str(before / "run.json")]
    assert main(["analyse", str(stored / "demo.tif"), "--out", str(out), *labels]) == 0
    assert "other weights" not in capsys.readouterr().err
    assert (out / "demo" / "labels.tif").read_bytes() == (before / "labels.tif").read_bytes()
    old, new = (pd.read_csv(folder / "cells.csv") for folder in (before, out / "demo"))
    assert old.columns.tolist() == new.columns.tolist()
    numbers = old.select_dtypes(np.floating).columns  # of the network to a tolerance: processors round differently
    np.testing.assert_allclose(old[numbers], new[numbers], rtol=1e-3, atol=1e-4, equal_nan=True)
    others = old.columns.difference(numbers)
    pd.testing.assert_frame_equal(old[others], new[others])


def test_a_stored_run_says_that_its_classes_are_no_answer(ids):
    """Rows of that time have no such column; the flag is computed from the cells and from the head in the settings."""
    assert "answer" not in runs.get_run(ids["run"]).images[0].summary
    told = TestClient(api).get(f"/runs/{ids['run']}").json()
    summary = told["images"][0]["summary"]
    assert told["answer"] == summary["answer"] == "unfit"
    assert told["answer_reason"] == summary["answer_reason"] == "demonstration head, trained on synthetic cells"
    assert runs.get_run(ids["run"]).images[0].summary.items() <= summary.items()


def test_the_files_of_a_stored_run_say_it_when_they_are_taken_home(ids):
    client, files = TestClient(api), f"/runs/{ids['run']}/files"
    assert "summary.csv" in client.get(files).json()
    table = pd.read_csv(runs.run_folder(ids["run"]) / "summary.csv")
    assert table["answer"].tolist() == ["unfit"]
    text = client.get(f"{files}/report.html").text
    assert "For show only: demonstration head, trained on synthetic cells." in text
    assert f"<title>{runs.get_run(ids['run']).name}</title>" in text


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens(ids, path):
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    page.query_params.update(project=ids["project"], image=ids["image"], run=ids["run"])
    page.run()
    page.switch_page(path)
    page.query_params.update(project=ids["project"], image=ids["image"], run=ids["run"])
    page.run()
    assert not page.exception
    assert not page.error


def same_cells(old, new):
    """Tables of the same cells, which another network outlines a little differently."""
    assert old.columns.tolist() == new.columns.tolist()
    assert old.index.tolist() == new.index.tolist()
    for axis in ("centroid_y_px", "centroid_x_px"):
        np.testing.assert_allclose(old[axis], new[axis], atol=1)  # px
    np.testing.assert_allclose(old["area_px"], new["area_px"], rtol=0.05)
    assert old["label"].tolist() == new["label"].tolist()


def test_a_run_of_that_time_is_called_again_from_its_own_vectors(ids):
    """At another threshold: the head is the one that it had, which its run.json does not say the cut of."""
    before = read_cells(runs.run_folder(ids["run"]) / "well_A1" / "cells.parquet")
    request_rescore(ids["run"], "demo-head", threshold=0.9)
    rescore_run(ids["run"], runs.get_run(ids["run"]).settings.classify.model_copy(update={"threshold": 0.9}))
    after = read_cells(runs.run_folder(ids["run"]) / "well_A1" / "cells.parquet")
    np.testing.assert_allclose(after["p_cancer"], before["p_cancer"], atol=1e-9)
    assert (after["label"] == "cancer").tolist() == (before["p_cancer"] >= 0.9).tolist()
    assert after["manual_label"].tolist() == before["manual_label"].tolist()
    first = read_versions(runs.run_folder(ids["run"])).versions[0]
    rescore_run(ids["run"], version=first.id)
    again = read_cells(runs.run_folder(ids["run"]) / "well_A1" / "cells.parquet")
    pd.testing.assert_frame_equal(again, before)
