import numpy as np
import pytest
from PIL import Image

from cellapp.errors import InputError, StoreError
from cellapp.store.images import (
    get_image,
    list_images,
    remove_image,
    rename_image,
    restore_image,
    set_channels,
    set_conditions,
    set_reference,
    set_um_per_px,
)
from cellapp.store.open_image import open_slide, thumbnail_path
from cellapp.store.projects import create_project
from cellapp.types.image import Role


def test_images_are_listed_newest_first(project, add):
    made = [add(value, name=f"{value}.tif") for value in range(3)]
    assert list_images(project.id) == tuple(made[::-1])
    assert list_images(create_project("other").id) == ()


def test_removing_is_undone(project, add):
    image = add()
    removed = remove_image(image.id)
    assert removed.removed is not None
    assert list_images(project.id) == ()
    assert list_images(project.id, removed=True) == (removed,)
    assert restore_image(image.id) == image
    assert list_images(project.id) == (image,)


def test_a_name_changes_nothing_but_the_name(add):
    image = add()
    renamed = rename_image(image.id, "MCF7 / day 2,\nnew")
    assert renamed.name == "MCF7 / day 2, new"
    assert renamed.digest == image.digest
    assert open_slide(image.id).info.name == "MCF7 / day 2, new"
    with pytest.raises(InputError, match="name"):
        rename_image(image.id, " ")


def test_conditions_are_merged_and_emptied(add):
    image = add()
    set_conditions(image.id, {"cell_line": " MCF7 ", "dose": "5 nM"})
    assert set_conditions(image.id, {"dose": "", "batch": "2"}).conditions == {"cell_line": "MCF7", "batch": "2"}


def test_an_unknown_condition_is_refused_and_nothing_kept(add):
    image = add()
    with pytest.raises(InputError, match="cell_line, treatment, dose, batch, time"):
        set_conditions(image.id, {"batch": "1", "colour": "red"})
    assert get_image(image.id).conditions == {}


def test_channels_are_renamed_in_the_slide_and_in_the_next_of_the_project(add):
    image = set_channels(add().id, ["DNA", "fibres"], [Role.NUCLEUS, Role.OTHER])
    assert open_slide(image.id).info.channels == image.channels == ("DNA", "fibres")
    assert image.info.channels == ("DAPI", "actin")
    assert add(2).channels == ("DNA", "fibres")


@pytest.mark.parametrize(
    ("names", "roles"), [(["a"], [Role.OTHER]), (["a", "a"], [Role.OTHER] * 2), (["a", "b"], [Role.OTHER])]
)
def test_channels_that_do_not_fit_are_refused(add, names, roles):
    image = add()
    with pytest.raises(InputError):
        set_channels(image.id, names, roles)
    assert get_image(image.id) == image


def test_a_typed_pixel_size_is_in_force_until_taken_back(add):
    image = add()
    assert set_um_per_px(image.id, 0.25).um_per_px == 0.25
    assert open_slide(image.id).info.um_per_px == 0.25
    assert set_um_per_px(image.id, None).um_per_px == pytest.approx(0.5)


@pytest.mark.parametrize("size", [0, -1, float("nan"), float("inf")])
def test_an_impossible_pixel_size_is_refused(add, size):
    with pytest.raises(InputError, match="above 0"):
        set_um_per_px(add().id, size)


def test_an_image_can_be_segmented_on_another_of_its_size(add):
    target, reference = add(1), add(2)
    assert set_reference(target.id, reference.id).reference_id == reference.id
    assert set_reference(target.id, None).reference_id is None


def test_a_reference_of_another_size_or_itself_is_refused(add):
    target = add(1)
    with pytest.raises(InputError):
        set_reference(target.id, add(2, shape=(2, 16, 40)).id)
    with pytest.raises(InputError, match="another image"):
        set_reference(target.id, target.id)
    assert get_image(target.id).reference_id is None


def test_a_thumbnail_is_small_kept_and_made_anew_for_other_channels(add):
    image = add(1, shape=(2, 300, 600))
    path = thumbnail_path(image.id)
    written = path.stat().st_mtime_ns
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert max(picture.size) <= 256
        assert np.ptp(np.asarray(picture)) > 0
    assert thumbnail_path(image.id) == path
    assert path.stat().st_mtime_ns == written
    set_channels(image.id, ["orange", "blue"], [Role.OTHER, Role.NUCLEUS])
    assert thumbnail_path(image.id) != path


def test_an_unknown_image_is_told():
    for call in (get_image, open_slide, thumbnail_path, remove_image):
        with pytest.raises(StoreError, match="no image 'nothing'"):
            call("nothing")
