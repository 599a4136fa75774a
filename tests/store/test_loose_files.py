"""Files that arrive together: sets become one image, the others stay each their own."""

import errno
import shutil

import pytest

from cellapp.images.read import image_digest
from cellapp.store import staging
from cellapp.store.blobs import digest_path
from cellapp.store.images import list_images
from cellapp.store.loose_files import add_together, list_folder, with_their_sets
from cellapp.store.open_image import open_slide
from tests.images.many_images import write_harmony, write_image_group
from tests.images.slides import noise
from tests.paths import shared_case, shared_data


@pytest.fixture
def members():
    return sorted((shared_case("09-ome-multifile") / "set").iterdir())


def test_dropped_members_of_a_set_are_one_image_kept_as_a_folder(project, write_tiff, members):
    files = [(members[1].name, [members[1].read_bytes()]), ("single.tif", [write_tiff().read_bytes()])]
    outcomes = add_together(project.id, [*files, (members[0].name, [members[0].read_bytes()])])
    assert sorted(outcome.name for outcome in outcomes) == ["cells_c0.ome.tif", "single.tif"]
    image = next(outcome.image for outcome in outcomes if outcome.name != "single.tif")
    assert image.channels == ("DAPI", "GFP")
    assert image.digest == image_digest(members[0])
    assert digest_path(image.digest).is_dir()
    assert open_slide(image.id).region().shape[0] == 2
    again = add_together(project.id, [(path.name, path) for path in members])
    assert [(outcome.image.id, outcome.existed) for outcome in again] == [(image.id, True)]


def test_a_bad_file_and_one_of_a_taken_name_stop_nothing(project, write_tiff):
    names = [("a.tif", 1), ("a.tif", 2), ("../a.tif", 3)]
    sources = [(name, [write_tiff(value).read_bytes()]) for name, value in names]
    outcomes = add_together(project.id, [*sources, ("bad.tif", [b"no image"]), ("._a.tif", [b"\0\5\x16\7"])])
    assert [outcome.problem is None for outcome in outcomes] == [True, True, True, False]
    assert len({image.digest for image in list_images(project.id)}) == 3


def test_a_lone_member_is_refused_with_the_missing_name(project, members):
    (outcome,) = add_together(project.id, [(members[0].name, members[0])])
    assert "cells_c1.ome.tif" in outcome.problem


def test_files_of_the_server_bring_their_set_along(members):
    assert set(with_their_sets(members[:1])) == set(members)


def test_a_measurement_dropped_as_files_is_one_image(project):
    folder = shared_data("instrument_files/operetta_plate/Images")
    (outcome,) = add_together(project.id, [(path.name, path) for path in sorted(folder.iterdir())])
    assert outcome.image.info.scene == "" or outcome.image.info.scene == "r03c03f01"
    assert open_slide(outcome.image.id).region().any()


def test_a_folder_of_the_server_offers_no_links_that_lead_out_of_it(tmp_path, write_tiff):
    folder = tmp_path / "import"
    folder.mkdir()
    write_tiff().rename(folder / "mine.tif")
    (folder / "also mine.tif").symlink_to(folder / "mine.tif")
    (folder / "secret.tif").symlink_to(write_tiff())
    (folder / "._mine.tif").touch()
    assert set(list_folder(folder)) == {"mine.tif", "also mine.tif"}
    assert list_folder(tmp_path / "away") == {}


def test_what_a_folder_has_as_links_is_not_copied_into_the_store(project, tmp_path):
    secret = write_image_group(tmp_path / "secret", noise(1, 1, 1, 20, 30), version="0.4")
    mine = write_image_group(tmp_path / "mine.zarr", noise(1, 1, 1, 20, 30, seed=7), version="0.4")
    shutil.rmtree(mine / "0")
    (mine / "0").symlink_to(secret / "0")
    (outcome,) = add_together(project.id, [("mine.zarr", mine)])
    assert "leads out of it ('0')" in outcome.problem
    assert list(digest_path("ab").parent.parent.glob("[0-9a-f][0-9a-f]")) == []


def test_links_beside_an_index_do_not_belong_to_the_measurement(tmp_path):
    folder = write_harmony(tmp_path / "Images", {(1, 1, 1): noise(1, 1, 1, 20, 30)})
    (tmp_path / "secret.txt").touch()
    (folder / "secret.txt").symlink_to(tmp_path / "secret.txt")
    assert "secret.txt" not in {path.name for path in with_their_sets([folder / "Index.idx.xml"])}


def test_a_file_without_room_is_told_without_paths_of_the_server_and_a_smaller_one_is_added(
    project, write_tiff, monkeypatch, home
):
    really = staging._write

    def write(chunks, path, budget):
        content = b"".join(chunks)
        if len(content) > 10_000:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return really([content], path, budget)

    monkeypatch.setattr(staging, "_write", write)
    large, small = (write_tiff(shape=(2, side, side)).read_bytes() for side in (200, 10))
    outcomes = add_together(project.id, [("large.tif", [large]), ("small.tif", [small])])
    assert [outcome.name for outcome in outcomes if outcome.image] == ["small.tif"]
    (problem,) = (outcome.problem for outcome in outcomes if outcome.problem)
    assert "no space left on device" in problem
    assert "\n" not in problem
    assert str(home) not in problem
