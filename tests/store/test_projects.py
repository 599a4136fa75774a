from concurrent.futures import ThreadPoolExecutor

import pytest

from cellapp.errors import InputError, StoreError
from cellapp.store.images import remove_image
from cellapp.store.projects import (
    create_project,
    default_project,
    delete_project,
    get_project,
    list_projects,
    remember_channels,
    remembered_channels,
)
from cellapp.store.records import ChannelChoice
from cellapp.types.image import Role


def test_the_default_project_is_made_once_even_by_many_at_once():
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: default_project(), range(16)))
    assert {project.id for project in found} == {default_project().id}
    assert [project.name for project in list_projects()] == ["My project"]


def test_projects_are_listed_in_the_order_they_were_made():
    made = [create_project(name) for name in ("b", "a", "b")]
    assert list_projects() == tuple(made)
    assert len({project.id for project in made}) == 3


def test_a_project_is_found_by_id():
    project = create_project("one")
    assert get_project(project.id) == project


@pytest.mark.parametrize("name", ["", "  ", "\n"])
def test_an_empty_name_is_refused(name):
    with pytest.raises(InputError, match="name"):
        create_project(name)


def test_an_unknown_project_is_told():
    with pytest.raises(StoreError, match="no project 'nothing'"):
        get_project("nothing")


def test_only_an_empty_project_that_is_not_the_default_one_is_deleted(project, add):
    image = add()
    with pytest.raises(InputError, match="1 images"):
        delete_project(project.id)
    with pytest.raises(InputError, match="starts in"):
        delete_project(default_project().id)
    remove_image(image.id)
    delete_project(project.id)
    with pytest.raises(StoreError):
        get_project(project.id)


def test_channels_are_remembered_per_project(project):
    remember_channels(project.id, ["DNA"], [Role.NUCLEUS], file_names=["channel 1"])
    remember_channels(project.id, ["actin"], [Role.CYTOPLASM])
    assert remembered_channels(project.id) == {
        "channel 1": ChannelChoice("DNA", Role.NUCLEUS),
        "actin": ChannelChoice("actin", Role.CYTOPLASM),
    }
    assert remembered_channels(create_project("other").id) == {}


def test_the_last_word_on_a_channel_counts(project):
    remember_channels(project.id, ["DNA"], [Role.NUCLEUS])
    remember_channels(project.id, ["DNA"], [Role.OTHER])
    assert remembered_channels(project.id)["DNA"].role is Role.OTHER
