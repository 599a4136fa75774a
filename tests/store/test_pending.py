"""A file of several images waits until some are chosen, and each of those is an image of its own."""

import numpy as np
import pytest

from cellapp.config import app_settings
from cellapp.errors import InputError, StoreError
from cellapp.images.probe import probe_all
from cellapp.settings import AnalyseSettings
from cellapp.store.blobs import digest_path, stored_path
from cellapp.store.images import list_images, remove_image, rename_image
from cellapp.store.joined_images import combine_images
from cellapp.store.open_image import open_slide, thumbnail_path
from cellapp.store.pending import choose_images, dismiss, list_pending, tick
from cellapp.store.projects import create_project
from cellapp.store.purge import purge_files, purge_images, purge_pending
from cellapp.store.runs import create_run
from cellapp.store.uploads import add_image, add_images, add_upload
from cellapp.types.image import Selection
from tests.series import SCENES, TIMES, write_series

N = SCENES * TIMES


@pytest.fixture
def series(tmp_path):
    return write_series(tmp_path / "series.ome.tif")


@pytest.fixture
def waiting(project, series):
    (outcome,) = add_upload(project.id, series, "plate.ome.tif")
    return outcome.pending


def images_in(pending):
    return probe_all(stored_path(pending.digest, pending.name), pending.name, "max")


def chosen(pending, keep=lambda info: True):
    return [info.selection for info in images_in(pending) if keep(info)]


def values(image):
    """The scene and time point that pixels tell, see `write_series`."""
    return divmod(int(open_slide(image.id).region().min()), 100)


def test_nothing_is_added_before_it_is_chosen(project, waiting):
    assert list_images(project.id) == ()
    assert list_pending(project.id) == (waiting,)
    assert digest_path(waiting.digest).exists()
    assert [info.title for info in images_in(waiting)][:2] == [
        "plate.ome.tif · well A1 · 00d00h00m",
        "plate.ome.tif · well A1 · 00d12h00m",
    ]


def test_each_chosen_image_has_its_own_pixels_name_and_time(project, waiting):
    picked = chosen(waiting, lambda info: info.selection.time != 1)
    outcomes = choose_images(waiting.id, picked)
    images = list_images(project.id)
    assert [outcome.image.id for outcome in outcomes] == [image.id for image in images], "in the order of the file"
    assert [values(image) for image in images] == [(one.scene, 10 * one.time) for one in picked]
    assert [image.name for image in images][:1] == ["plate.ome.tif · well A1 · 00d00h00m"]
    assert images[1].conditions == {"time": "01d00h00m"}
    assert {image.file_digest for image in images} == {waiting.digest}
    assert len({image.digest for image in images}) == len(images)
    assert [open_slide(image.id).digest for image in images] == [image.digest for image in images]
    assert list_pending(project.id) == ()


def test_one_file_behind_many_images_is_stored_once_and_each_has_its_thumbnail(project, series):
    images = add_images(project.id, series, "plate.ome.tif")
    assert len(images) == N
    assert len({thumbnail_path(image.id) for image in images}) == N
    assert len([path for path in digest_path(images[0].file_digest).parent.parent.rglob("*") if path.is_file()]) == 1


def test_the_same_file_again_gives_the_images_that_are_there(project, waiting, series):
    choose_images(waiting.id, chosen(waiting))
    outcomes = add_upload(project.id, series, "other name.tif")
    assert [outcome.image for outcome in outcomes] == list(list_images(project.id))
    assert all(outcome.existed for outcome in outcomes)
    assert add_images(project.id, series, "x.tif") == list_images(project.id)
    assert list_pending(project.id) == ()


def test_of_a_file_that_is_there_in_part_the_rest_can_be_chosen(project, waiting, series):
    first = choose_images(waiting.id, [Selection(1, 2)])[0].image
    (outcome,) = add_upload(project.id, series, "plate.ome.tif")
    again = choose_images(outcome.pending.id, chosen(outcome.pending))
    assert [one.existed for one in again].count(True) == 1
    assert next(one for one in again if one.existed).image == first
    assert len(list_images(project.id)) == N


def test_a_file_that_waits_is_there_once_and_remembers_its_ticks(project, waiting, series):
    tick(waiting.id, [Selection(0, 1), Selection(1, 0)])
    (outcome,) = add_upload(project.id, series, "plate.ome.tif")
    assert outcome.pending.id == waiting.id
    assert list_pending(project.id)[0].ticked == (Selection(0, 1), Selection(1, 0))


def test_what_is_never_chosen_is_swept_and_what_is_chosen_stays(project, waiting, series):
    elsewhere = add_image(create_project("other").id, series, "plate.ome.tif")
    assert (purge_pending(), purge_files(untouched_s=-1)) == (0, 0)
    assert purge_pending(older_than_s=-1) == 1
    assert purge_files(untouched_s=-1) == 0, "an image of another project has the file"
    remove_image(elsewhere.id)
    assert (purge_images(older_than_s=-1), purge_files(untouched_s=-1)) == (1, 1)
    assert not digest_path(waiting.digest).exists()
    assert list_pending(project.id) == ()


def test_the_file_stays_until_its_last_image_goes(project, series):
    images = add_images(project.id, series, "plate.ome.tif", scene=1)
    for image in images[:-1]:
        remove_image(image.id)
    purge_images(older_than_s=-1)
    purge_files(untouched_s=-1)
    assert values(images[-1]) == (1, 20)


def test_a_dismissed_file_waits_no_longer(project, waiting):
    dismiss(waiting.id)
    dismiss(waiting.id)
    assert list_pending(project.id) == ()
    with pytest.raises(StoreError, match="upload it again"):
        choose_images(waiting.id, [Selection()])


def test_nothing_chosen_is_told_and_the_file_waits_on(project, waiting):
    with pytest.raises(InputError, match="tick those to add"):
        choose_images(waiting.id, [])
    assert list_pending(project.id)


def test_an_image_that_is_not_there_stops_no_other(project, waiting):
    outcomes = choose_images(waiting.id, [Selection(7, 0), Selection(0, 0)])
    assert "no scene 8" in outcomes[0].problem
    assert outcomes[1].image in list_images(project.id)


def test_chosen_by_number(project, series, monkeypatch):
    assert [values(image) for image in add_images(project.id, series, "a.tif", time=2)] == [(0, 20), (1, 20)]
    with pytest.raises(InputError, match=r"2 scenes, no scene 3"):
        add_images(project.id, series, "a.tif", scene=2)
    with pytest.raises(InputError, match=r"3 time points, no time point 9"):
        add_images(project.id, series, "a.tif", time=8)
    monkeypatch.setenv("CELLAPP_BUDGET__MAX_IMAGES", "3")
    app_settings.cache_clear()
    with pytest.raises(InputError, match="CELLAPP_BUDGET__MAX_IMAGES"):
        add_images(project.id, series, "a.tif")


def test_folders_of_a_run_tell_file_scene_and_time(project, series, write_tiff):
    images = [*add_images(project.id, series, "plate.ome.tif"), add_image(project.id, write_tiff(), "plate.tif")]
    rename_image(images[1].id, "control")
    run = create_run(project.id, [image.id for image in images], AnalyseSettings())
    assert [image.stem for image in run.images] == [
        *("plate__s01_t001", "control", "plate__s01_t003"),
        *("plate__s02_t001", "plate__s02_t002", "plate__s02_t003"),
        "plate_2",
    ]
    assert run.images[2].name == "plate.ome.tif · well A1 · 01d00h00m"


def test_channels_of_series_are_combined_image_by_image(project, tmp_path):
    files = [write_series(tmp_path / f"w{n}.tif", shape=(1, 48, 56), seed=n) for n in (1, 2)]
    parts = [add_images(project.id, path, path.name, scene=1, time=2)[0] for path in files]
    whole = combine_images(project.id, [part.id for part in parts], ["DAPI", "actin"])
    expected = np.concatenate([open_slide(part.id).region() for part in parts])
    np.testing.assert_array_equal(open_slide(whole.id).region(), expected)
    assert whole.part_selections == (Selection(1, 2), Selection(1, 2))
    purge_images(older_than_s=-1)
    purge_files(untouched_s=-1)
    np.testing.assert_array_equal(open_slide(whole.id).region(), expected)
