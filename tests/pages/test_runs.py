import pytest

from cellapp.jobs import queue
from cellapp.settings import AnalyseSettings
from cellapp.store import runs
from cellapp.store.records import Status
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
    assert list(table["different"].iloc[0]) == ["segment diameter = 40.0"]
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
