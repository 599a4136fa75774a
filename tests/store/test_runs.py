import pytest

from cellapp.errors import InputError, StoreError
from cellapp.settings import AnalyseSettings, PreprocessSettings, SegmentSettings
from cellapp.store.images import remove_image
from cellapp.store.projects import create_project
from cellapp.store.records import Status
from cellapp.store.runs import (
    create_run,
    delete_run,
    finish_run,
    get_run,
    list_runs,
    purge_deleted,
    rename_run,
    restore_run,
    run_folder,
    set_image_status,
    start_run,
)
from cellapp.store.uploads import add_image

SETTINGS = AnalyseSettings(
    channels={"nucleus": 1},
    preprocess=PreprocessSettings(clahe=True),
    segment=SegmentSettings(diameter=18.5, diameter_unit="um"),
)


@pytest.fixture
def images(add):
    return [add(value, name="same name.tif") for value in range(3)]


@pytest.fixture
def run(project, images):
    return create_run(project.id, [image.id for image in images], SETTINGS)


def test_a_run_is_kept_with_its_settings_and_images_in_order(project, images, run):
    assert get_run(run.id) == run
    assert (run.name, run.status, run.settings) == ("Run 1", Status.QUEUED, SETTINGS)
    assert [image.image_id for image in run.images] == [image.id for image in images]
    assert [image.stem for image in run.images] == ["same_name", "same_name_2", "same_name_3"]
    assert (run.seconds, run.n_cells, run.n_done) == (None, 0, 0)
    assert run.image(images[1].id) == run.images[1]
    assert run.image("nothing") is None


def test_runs_are_listed_newest_first_and_numbered(project, images, run):
    second = create_run(project.id, [images[0].id], SETTINGS)
    named = create_run(project.id, [images[0].id], SETTINGS, "with <b>name</b>")
    assert list_runs(project.id) == (named, second, run)
    assert (second.name, named.name) == ("Run 2", "with <b>name</b>")
    assert rename_run(run.id, "first").name == get_run(run.id).name == "first"


def test_a_run_goes_from_queued_to_done(run):
    started = start_run(run.id)
    assert (started.status, started.seconds) == (Status.RUNNING, None)
    for n_cells, image in enumerate(run.images):
        set_image_status(run.id, image.image_id, "running")
        set_image_status(run.id, image.image_id, Status.DONE, n_cells=n_cells, summary={"n_cancer": n_cells})
    done = finish_run(run.id)
    assert (done.status, done.n_cells, done.n_done) == (Status.DONE, 3, 3)
    assert done.images[2].summary == {"n_cancer": 2}
    assert done.seconds >= 0
    assert done == get_run(run.id)


def test_a_listed_run_is_the_one_read_by_its_id_after_every_change(project, images, run):
    others = [create_run(project.id, [image.id], AnalyseSettings()) for image in images]
    changes = [
        lambda: rename_run(run.id, "Änderung"),
        lambda: start_run(run.id),
        lambda: set_image_status(run.id, images[0].id, Status.DONE, n_cells=2, summary={"p": 0.1 + 0.2}),
        lambda: set_image_status(run.id, images[1].id, Status.FAILED, error="broken"),
        lambda: finish_run(run.id),
    ]
    for change in changes:
        change()
        assert list_runs(project.id) == (*map(get_run, [other.id for other in reversed(others)]), get_run(run.id))
    delete_run(run.id)
    assert list_runs(project.id, removed=True) == (get_run(run.id),)


def test_a_run_that_did_not_change_is_not_read_anew(project, run):
    assert list_runs(project.id)[0] is list_runs(project.id)[0]


@pytest.mark.parametrize(
    ("statuses", "interrupted", "overall"),
    [
        (["done", "done", "failed"], Status.FAILED, Status.PARTIAL),
        (["done", None, None], Status.CANCELLED, Status.PARTIAL),
        ([None, None, None], Status.CANCELLED, Status.CANCELLED),
        (["failed", None, None], Status.CANCELLED, Status.CANCELLED),
        (["failed", "failed", "failed"], Status.FAILED, Status.FAILED),
        ([None, None, None], Status.FAILED, Status.FAILED),
    ],
)
def test_the_status_of_a_run_follows_from_its_images(run, statuses, interrupted, overall):
    for image, status in zip(run.images, statuses, strict=True):
        if status:
            set_image_status(run.id, image.image_id, status)
    finished = finish_run(run.id, interrupted=interrupted, error="why")
    assert finished.status is overall
    assert not any(image.status.active for image in finished.images)
    assert all(image.error == "why" for image, status in zip(finished.images, statuses, strict=True) if status is None)


def test_a_run_that_is_taken_up_again_keeps_what_is_done(run):
    set_image_status(run.id, run.images[0].image_id, "done", n_cells=7)
    set_image_status(run.id, run.images[1].image_id, "failed", error="broken")
    finish_run(run.id)
    again = start_run(run.id)
    assert [image.status for image in again.images] == [Status.DONE, Status.QUEUED, Status.QUEUED]
    assert again.images[1].error is None
    assert again.n_cells == 7
    assert again.finished is None


def test_summaries_hold_whatever_numbers_come(run):
    summary = {"fraction": float("nan"), "limits": (0.1, float("inf")), "name": "a\x00b"}
    set_image_status(run.id, run.images[0].image_id, "done", n_cells=0, summary=summary)
    kept = get_run(run.id).images[0].summary
    assert kept == {"fraction": None, "limits": [0.1, None], "name": "ab"}


def test_a_run_keeps_images_that_were_removed(project, images, run):
    remove_image(images[0].id)
    assert get_run(run.id) == run


def test_deleting_is_undone_until_purged(project, run):
    file = run_folder(run.id) / "summary.csv"
    file.write_text("kept")
    delete_run(run.id)
    assert list_runs(project.id) == ()
    assert [deleted.id for deleted in list_runs(project.id, removed=True)] == [run.id]
    assert purge_deleted() == 0
    assert restore_run(run.id) == run
    assert file.read_text() == "kept"
    delete_run(run.id)
    assert purge_deleted(0) == 1
    assert not file.parent.exists()
    with pytest.raises(StoreError, match="no run"):
        get_run(run.id)


def test_what_cannot_be_run_is_refused(project, images):
    other = create_project("other")
    with pytest.raises(InputError, match="at least one"):
        create_run(project.id, [], SETTINGS)
    with pytest.raises(InputError, match="each once"):
        create_run(project.id, [images[0].id] * 2, SETTINGS)
    with pytest.raises(InputError, match="another project"):
        create_run(other.id, [images[0].id], SETTINGS)
    with pytest.raises(StoreError, match="no image"):
        create_run(project.id, ["nothing"], SETTINGS)
    assert list_runs(project.id) == list_runs(other.id) == ()


def test_unknown_runs_are_told_and_get_no_folder(home, run):
    for call in (get_run, run_folder, start_run, finish_run, delete_run, restore_run):
        with pytest.raises(StoreError, match=r"no run '\.\./x'"):
            call("../x")
    with pytest.raises(StoreError, match="no image"):
        set_image_status(run.id, "nothing", "done")
    assert not (home / "x").exists()


def test_folder_names_of_hostile_images_stay_inside(project, write_tiff):
    image = add_image(project.id, write_tiff(9), "../../<evil>\n.tif")
    run = create_run(project.id, [image.id], SETTINGS)
    assert (run_folder(run.id) / run.images[0].stem).resolve().parent == run_folder(run.id).resolve()
