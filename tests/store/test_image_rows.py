"""The same bytes are one image, with the names its project remembers."""

from cellapp.store.image_rows import insert_image
from cellapp.store.images import list_images, remove_image
from cellapp.store.projects import create_project, remember_channels
from cellapp.types.image import ImageInfo, Role

INFO = ImageInfo("a.tif", "tiff", (2, 8, 9), "uint8", ("405", "488"), 0.5, ((8, 9),), 144)


def test_the_same_bytes_are_one_image_of_a_project(project):
    first, existed = insert_image(project.id, "0" * 64, "a.tif", INFO)
    again, existed_again = insert_image(project.id, "0" * 64, "b.tif", INFO)
    assert (existed, existed_again) == (False, True)
    assert again == first
    elsewhere, existed_there = insert_image(create_project("Other").id, "0" * 64, "a.tif", INFO)
    assert not existed_there
    assert elsewhere.id != first.id


def test_the_same_bytes_come_out_of_the_bin_as_new(project):
    first, _ = insert_image(project.id, "0" * 64, "a.tif", INFO)
    remove_image(first.id)
    again, existed = insert_image(project.id, "0" * 64, "a.tif", INFO)
    assert (again.id, again.removed, existed) == (first.id, None, False)
    assert list_images(project.id) == (again,)


def test_a_new_image_has_the_names_its_project_remembers_last(project):
    remember_channels(project.id, ["405"], [Role.OTHER])
    remember_channels(project.id, ["DNA"], [Role.NUCLEUS], file_names=["405"])
    image, _ = insert_image(project.id, "0" * 64, "a.tif", INFO)
    assert image.channels == ("DNA", "488")
    assert image.roles[0] is Role.NUCLEUS
    assert image.info == INFO, "the header stays as the file has it"
    elsewhere, _ = insert_image(create_project("other").id, "0" * 64, "a.tif", INFO)
    assert elsewhere.channels == INFO.channels


def test_remembered_names_that_clash_in_a_file_are_left_out(project):
    for file_name in INFO.channels:
        remember_channels(project.id, ["DNA"], [Role.NUCLEUS], file_names=[file_name])
    image, _ = insert_image(project.id, "0" * 64, "a.tif", INFO)
    assert len(set(image.channels)) == 2
