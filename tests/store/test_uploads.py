import json
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cellapp.config import app_settings
from cellapp.errors import BudgetError, InputError, StoreError
from cellapp.store.blobs import home_folder
from cellapp.store.images import get_image, list_images, remove_image, restore_image, set_channels
from cellapp.store.joined_images import combine_images
from cellapp.store.open_image import open_slide
from cellapp.store.projects import create_project
from cellapp.store.uploads import add_image, add_upload, add_zip
from cellapp.types.image import Role


def files_kept():
    return [path for path in home_folder("files").rglob("*") if path.is_file()]


def test_an_image_is_known_by_its_header(project, write_tiff):
    path = write_tiff(3, shape=(2, 32, 40))
    image = add_image(project.id, path, "MCF7 day 2.tif")
    assert (image.name, image.info.shape, image.info.dtype) == ("MCF7 day 2.tif", (2, 32, 40), "uint16")
    assert image.channels == ("DAPI", "actin")
    assert image.roles == (Role.NUCLEUS, Role.CYTOPLASM)
    assert image.um_per_px == pytest.approx(0.5)
    assert image.info.bytes_on_disk == path.stat().st_size
    assert get_image(image.id) == image
    assert list_images(project.id) == (image,)


def test_the_same_bytes_twice_are_one_image_whatever_the_name(project, write_tiff):
    path = write_tiff()
    first = add_image(project.id, path, "a.tif")
    outcome = add_upload(project.id, [path.read_bytes()], "b.tif")[0]
    assert outcome.existed
    assert outcome.image == first
    assert len(files_kept()) == 1


def test_the_same_bytes_in_two_projects_are_two_images_and_one_file(project, write_tiff):
    path = write_tiff()
    first, second = (add_image(where.id, path, "a.tif") for where in (project, create_project("other")))
    assert first.id != second.id
    assert len(files_kept()) == 1


def test_the_same_bytes_from_many_visitors_at_once_are_one_image(project, write_tiff):
    content = write_tiff().read_bytes()
    with ThreadPoolExecutor(6) as pool:
        images = list(pool.map(lambda i: add_image(project.id, [content], f"{i}.tif"), range(12)))
    assert len({image.id for image in images}) == 1
    assert len(list_images(project.id)) == 1


def test_a_removed_image_comes_back_when_uploaded_again(project, write_tiff):
    path = write_tiff()
    image = add_image(project.id, path, "a.tif")
    remove_image(image.id)
    outcome = add_upload(project.id, path, "a.tif")[0]
    assert outcome.image == image
    assert not outcome.existed


def test_an_image_whose_file_was_lost_is_mended_by_uploading_it_again(project, write_tiff):
    path = write_tiff()
    image = add_image(project.id, path, "a.tif")
    files_kept()[0].unlink()
    add_image(project.id, path, "a.tif")
    assert open_slide(image.id).region().shape == image.info.shape


@pytest.mark.parametrize("content", [b"", b"just text", b"II*\x00\x08\x00\x00\x00", b"\x89PNG\r\n\x1a\n"])
def test_a_bad_file_is_one_sentence_and_leaves_no_row_and_no_file(project, content):
    with pytest.raises(InputError):
        add_image(project.id, [content], "bad.tif")
    outcome = add_upload(project.id, [content], "bad.tif")[0]
    assert outcome.image is None
    assert outcome.problem
    assert "\n" not in outcome.problem
    assert not list_images(project.id, removed=True) + list_images(project.id)
    assert not files_kept()


def test_a_file_above_the_budget_leaves_nothing(project, write_tiff, monkeypatch):
    monkeypatch.setenv("CELLAPP_BUDGET__MAX_PIXELS", "100")
    app_settings.cache_clear()
    with pytest.raises(BudgetError):
        add_image(project.id, write_tiff(), "large.tif")
    assert not files_kept()


@pytest.mark.parametrize(
    "name", ["../../x.tif", "<img src=x onerror=alert(1)>.tif", "a\"b'c.tif", "=1+1.tif", "a\nb\x00.tif", "", "x" * 999]
)
def test_hostile_names_are_only_ever_shown(project, write_tiff, name, home):
    image = add_image(project.id, write_tiff(), name)
    assert get_image(image.id).name == image.name
    assert image.name
    assert image.name.isprintable()
    assert all(home in path.resolve().parents for path in files_kept())
    assert open_slide(image.id).info.name == image.name


def test_an_unknown_project_is_told_before_bytes_move():
    with pytest.raises(StoreError, match="no project"):
        add_upload("nothing", (pytest.fail("read") for _ in [1]), "a.tif")


def test_names_and_roles_that_were_typed_are_there_for_the_next_image(project, add):
    set_channels(add(1).id, ["chromatin", "fibres"], [Role.NUCLEUS, Role.OTHER])
    following = add(2)
    assert following.channels == ("chromatin", "fibres")
    assert following.roles == (Role.NUCLEUS, Role.OTHER)
    assert following.info.channels == ("DAPI", "actin")


def test_remembered_names_that_would_clash_are_not_used(project, add):
    set_channels(add(1, channels=("a", "b")).id, ["same", "b"], [Role.OTHER, Role.OTHER])
    set_channels(add(2, channels=("c", "d")).id, ["same", "d"], [Role.OTHER, Role.OTHER])
    assert add(3, channels=("a", "c")).channels == ("a", "c")


def make_zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_zip_gives_one_outcome_per_image_good_and_bad(project, write_tiff, tmp_path):
    good, other = write_tiff(1).read_bytes(), write_tiff(2).read_bytes()
    members = {"a/x.tif": good, "b/x.tif": other, "bad.tif": b"II*\x00\x08\x00\x00\x00", "notes.txt": b"hello"}
    members |= {"__MACOSX/._x.tif": b"litter", ".DS_Store": b"litter"}
    outcomes = add_upload(project.id, [make_zip(tmp_path / "all.zip", members).read_bytes()], "all.zip")
    assert {outcome.name for outcome in outcomes if outcome.problem} == {"bad.tif", "notes.txt"}
    assert len(outcomes) == 4
    assert len(list_images(project.id)) == 2
    assert len(files_kept()) == 2


def test_what_operating_systems_leave_is_no_problem_unless_it_is_an_image(project, write_tiff, tmp_path):
    for name in ("._a.tif", ".DS_Store", "Thumbs.db", "desktop.ini"):
        assert add_upload(project.id, [b"notes"], name) == ()
    (outcome,) = add_upload(project.id, [write_tiff(1).read_bytes()], ".mine.tif")
    assert outcome.image is not None
    members = {".ipynb_checkpoints/x-checkpoint.tif": write_tiff(2).read_bytes(), "x.tif": write_tiff(3).read_bytes()}
    (outcome,) = add_zip(project.id, make_zip(tmp_path / "all.zip", members))
    assert outcome.image.name == "x.tif"
    assert not outcome.existed


def test_a_zip_without_images_is_one_problem(project, tmp_path):
    (outcome,) = add_zip(project.id, make_zip(tmp_path / "empty.zip", {}))
    assert "empty.zip" in outcome.problem
    assert not files_kept()


def test_a_zip_that_climbs_out_is_refused_whole(project, write_tiff, tmp_path, home):
    path = make_zip(tmp_path / "evil.zip", {"../../evil.tif": write_tiff().read_bytes()})
    outcomes = add_zip(project.id, path)
    assert all(outcome.image is None for outcome in outcomes)
    assert not list(home.parent.glob("evil.tif"))
    assert not files_kept()


def test_one_file_per_channel_becomes_one_image(project, write_tiff):
    parts = [add_image(project.id, write_tiff(v, shape=(1, 32, 40), channels=("x",)), f"{v}.tif") for v in (1, 2)]
    image = combine_images(project.id, [part.id for part in parts], ["DAPI", "actin"], name="both")
    slide = open_slide(image.id)
    assert (image.name, image.channels, image.info.shape) == ("both", ("DAPI", "actin"), (2, 32, 40))
    assert image.parts == tuple(part.digest for part in parts)
    assert json.loads(json.dumps(image.parts)) == list(image.parts)
    assert slide.region()[:, 0, 0].tolist() == [1, 2]
    assert slide.digest == image.digest
    assert list_images(project.id) == (image,)
    assert {part.id for part in list_images(project.id, removed=True)} == {part.id for part in parts}
    restore_image(parts[0].id)
    assert open_slide(parts[0].id).region().max() == 101


def test_the_order_of_parts_makes_another_image(project, write_tiff):
    parts = [add_image(project.id, write_tiff(v, shape=(1, 32, 40), channels=("x",)), f"{v}.tif").id for v in (1, 2)]
    ahead, back = combine_images(project.id, parts, ["a", "b"]), combine_images(project.id, parts[::-1], ["a", "b"])
    assert ahead.digest != back.digest
    np.testing.assert_array_equal(open_slide(ahead.id).region(), open_slide(back.id).region()[::-1])


@pytest.mark.parametrize(
    ("shapes", "names"),
    [([(1, 32, 40), (1, 32, 41)], ["a", "b"]), ([(1, 32, 40)] * 2, ["a", "a"]), ([(1, 32, 40)], ["a"])],
)
def test_parts_that_do_not_fit_are_refused_and_stay(project, write_tiff, shapes, names):
    parts = [
        add_image(project.id, write_tiff(v, shape=shape, channels=("x",)), f"{v}.tif") for v, shape in enumerate(shapes)
    ]
    with pytest.raises(InputError):
        combine_images(project.id, [part.id for part in parts], names)
    assert len(list_images(project.id)) == len(parts)
