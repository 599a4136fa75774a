from concurrent.futures import ThreadPoolExecutor

import pytest

from cellapp.errors import CellappError, InputError, StoreError
from cellapp.store.projects import (
    create_project,
    default_project,
    get_project,
    list_projects,
)


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


def test_an_id_that_no_database_holds_is_told():
    with pytest.raises(CellappError, match="no project|holds no such text"):
        get_project("\0")
