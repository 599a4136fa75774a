import json

import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.cli import main
from cellapp.jobs import queue
from cellapp.models.checksums import weight_digests
from cellapp.settings import AnalyseSettings
from cellapp.store import runs
from cellapp.store.records import Status
from cellapp.ui.components.messages import escape
from tests.pages.seeding import HOSTILE_NAME

pytestmark = pytest.mark.slow

PAGE = "pages/manage/runs.py"


def tick(app, *rows):
    key = next(k for k in app.session_state.to_dict() if str(k).startswith("runs_table_"))
    app.session_state[key] = {"selection": {"rows": list(rows), "columns": [], "cells": []}}
    return app.run()


def test_no_runs_say_where_to_go(open_page):
    assert any("No runs yet" in m.value for m in open_page(PAGE).markdown)


def test_each_run_is_a_row_and_differences_stand_out(open_page, run_of, seeded):
    run_of()
    other = AnalyseSettings.model_validate({"segment": {"diameter": 40.0}})
    runs.create_run(seeded.project.id, [seeded.image.id], other)
    table = open_page(PAGE).dataframe[0].value
    assert len(table) == 2
    assert list(table["different"].iloc[0]) == ["Segmentation: Diameter = 40.0"]
    assert list(table["different"].iloc[1]) == []


def test_a_ticked_run_shows_its_settings_and_runs_again(open_page, run_of):
    run = run_of()
    app = tick(open_page(PAGE), 0)
    assert any("not for diagnosis" in caption.value for caption in app.caption)
    app.button(key="rerun").click().run()
    assert not app.exception
    again = runs.list_runs(run.project_id)[0]
    assert (again.settings, again.images[0].image_id) == (run.settings, run.images[0].image_id)
    assert queue.list_jobs(run.project_id)[0].payload == {"run_id": again.id}


def test_the_rest_of_a_run_is_offered_where_there_is_one(open_page, run_of):
    run = run_of()
    assert "do_rest" not in {button.key for button in tick(open_page(PAGE), 0).button}
    runs.set_image_status(run.id, run.images[0].image_id, Status.FAILED, error="no room")
    runs.finish_run(run.id)
    app = tick(open_page(PAGE), 0)
    app.button(key="do_rest").click().run()
    assert not app.exception
    assert [(job.kind, job.payload) for job in queue.list_jobs(run.project_id)] == [("analyse", {"run_id": run.id})]


def test_delete_can_be_undone(open_page, run_of):
    run = run_of()
    app = tick(open_page(PAGE), 0)
    app.button(key="delete_run").click().run()
    assert runs.list_runs(run.project_id) == ()
    app.button(key=f"restore_{run.id}").click().run()
    assert not app.exception
    assert [one.id for one in runs.list_runs(run.project_id)] == [run.id]


def test_rename(open_page, run_of):
    run = run_of()
    app = tick(open_page(PAGE), 0)
    app.text_input(key=f"name_{run.id}").set_value(HOSTILE_NAME).run()
    app.button(key="rename_run").click().run()
    assert not app.exception
    assert runs.get_run(run.id).name != run.name


def test_the_error_of_a_failed_image_is_told(open_page, run_of):
    run = run_of()
    runs.set_image_status(run.id, run.images[0].image_id, Status.FAILED, error="channel 5 is missing")
    runs.finish_run(run.id)
    app = tick(open_page(PAGE), 0)
    assert any("channel 5 is missing" in error.value for error in app.error)


@pytest.mark.parametrize("second", [{}, {"head": None}, {"n_cells": 0}, {"n_cells": 1}])
def test_two_runs_beside_each_other(open_page, run_of, second):
    run_of()
    run_of(**second)
    app = tick(open_page(PAGE), 0, 1)
    assert not app.exception
    table = app.dataframe[-1].value
    assert table["cells_change"].iloc[0] == table["cells_second"].iloc[0] - table["cells_first"].iloc[0]
    same = any("same settings" in caption.value for caption in app.caption)
    assert same == (second.get("head", "demo-head") == "demo-head")


def made_with(run, weights):
    """Let files of a run say which weights it had; return the path of the file."""
    path = runs.run_folder(run.id) / run.images[0].stem / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"weights_sha256": weights}))
    return path


def test_page_command_and_http_say_the_same_of_a_run_made_with_other_weights(open_page, run_of, capsys):
    run, before = run_of(), {"compact/weights.safetensors": "0" * 64, "mcf10a-mcf7/weights.safetensors": "1" * 64}
    path = made_with(run, before)
    main(["analyse", str(path.parent / "missing.tif"), "--out", str(path.parent / "out"), "--settings", str(path)])
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "other weights" in line]
    client = TestClient(api)
    (sentence,) = client.get(f"/runs/{run.id}").json()["other_weights"]
    body = {"image_ids": [run.images[0].image_id], "settings": run.settings.model_dump(mode="json")}
    assert client.post("/runs", json=body | {"weights_sha256": before}).json()["other_weights"] == [sentence]
    assert client.post("/runs", json=body).json()["other_weights"] == []
    app = tick(open_page(PAGE), 2)  # the newest are above it
    assert told == f"cellapp: {sentence}"
    assert sentence.startswith("compact has other weights")
    captions = [one.value for one in app.caption if "other weights" in one.value]
    assert captions == [f":material/info: {escape(sentence)}."]


def test_nothing_is_said_of_weights_that_are_the_same(open_page, run_of):
    digests = {f"compact/{file}": digest for file, digest in weight_digests("compact").items()}
    run = run_of()
    made_with(run, digests)
    app = tick(open_page(PAGE), 0)
    assert not any("other weights" in caption.value for caption in app.caption)
    assert TestClient(api).get(f"/runs/{run.id}").json()["other_weights"] == []


def test_two_runs_of_the_same_settings_name_the_models_that_changed_in_between(open_page, run_of):
    digests = {f"compact/{file}": digest for file, digest in weight_digests("compact").items()}
    made_with(run_of(), digests)
    made_with(run_of(), {**digests, "compact/weights.safetensors": "0" * 64})
    app = tick(open_page(PAGE), 0, 1)
    assert any("Other weights" in caption.value and "compact" in caption.value for caption in app.caption)


def test_the_only_run_is_shown_without_a_tick_and_says_once_what_it_is_not_for(open_page, run_of):
    run = run_of()
    app = open_page(PAGE)
    assert run.name in [one.value for one in app.subheader]
    assert "progress" not in app.dataframe[0].value
    assert len([one for one in app.caption if "not for diagnosis" in one.value]) == 1
    assert "Pixel size (µm per px)" in set(app.dataframe[-1].value["Setting"])


def test_progress_is_a_column_while_a_run_works(open_page, run_of, seeded):
    run_of()
    runs.create_run(seeded.project.id, [seeded.image.id], AnalyseSettings())
    assert "progress" in open_page(PAGE).dataframe[0].value
