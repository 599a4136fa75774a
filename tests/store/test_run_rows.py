"""Images of a new run get folders of their own, and runs are numbered."""

import pytest

from cellapp.errors import InputError, StoreError
from cellapp.settings import AnalyseSettings
from cellapp.store.database import reading, writing
from cellapp.store.projects import create_project
from cellapp.store.records import Status
from cellapp.store.run_rows import new_image_rows, next_name, run_record, run_row
from cellapp.store.runs import create_run, delete_run, get_run


def rows_of(project_id, image_ids):
    with reading() as session:
        rows = new_image_rows(session, project_id, image_ids)
        made = [(row.image_id, row.position, row.stem, row.status) for row in rows]
        session.expunge_all()
    return made


def test_images_are_queued_in_order_each_with_a_folder_of_its_own(project, add):
    images = [add(value, name=name) for value, name in enumerate(["a.tif", "A.png", "../b", "a_2.tif"])]
    ids, positions, stems, statuses = zip(*rows_of(project.id, [image.id for image in images]), strict=True)
    assert ids == tuple(image.id for image in images)
    assert positions == (0, 1, 2, 3)
    assert len({stem.lower() for stem in stems}) == 4
    assert not any("/" in stem or stem.startswith(".") for stem in stems)
    assert set(statuses) == {Status.QUEUED}


def test_images_of_other_projects_and_unknown_ones_are_refused(project, add):
    image = add()
    with pytest.raises(InputError, match=r"'image.tif' is an image of another project"):
        rows_of(create_project("other").id, [image.id])
    with pytest.raises(StoreError, match="no image"):
        rows_of(project.id, ["nothing"])


def test_a_number_is_never_given_twice(project, add):
    image = add()
    first = create_run(project.id, [image.id], AnalyseSettings())
    delete_run(first.id)
    second = create_run(project.id, [image.id], AnalyseSettings())
    with writing() as session:
        assert (first.name, second.name, next_name(session, project.id)) == ("Run 1", "Run 2", "Run 3")
        assert next_name(session, "no project") == "Run 1"


def test_a_record_outlives_its_session(project, add):
    run = create_run(project.id, [add().id], AnalyseSettings(seed=3))
    with reading() as session:
        record = run_record(run_row(session, run.id))
    assert record == run
    assert record.images[0].name == "image.tif"
    with reading() as session, pytest.raises(StoreError, match="no run 'nothing'"):
        run_row(session, "nothing")


def test_settings_that_fit_no_image_start_no_run_and_those_that_fit_some_do(project, add):
    small, large = add(1, shape=(2, 20, 20)), add(2, shape=(2, 60, 60))
    settings = AnalyseSettings.model_validate({"segment": {"diameter": 40}})
    with pytest.raises(InputError, match="longer side has 20 px"):
        create_run(project.id, [small.id], settings)
    assert len(create_run(project.id, [small.id, large.id], settings).images) == 2


def test_a_stored_run_with_a_number_that_is_not_finite_opens_at_the_default(project, add, database):
    if database == "postgres":
        pytest.skip("PostgreSQL keeps no such number: it refuses the row")
    run = create_run(project.id, [add().id], AnalyseSettings())
    with writing() as session:
        row = run_row(session, run.id)
        row.settings = {**row.settings, "um_per_px": float("inf"), "segment": {"diameter": float("nan")}}
    assert get_run(run.id).settings == AnalyseSettings()
