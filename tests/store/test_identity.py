"""Files and database carry one id, and work with no stranger: an empty, replaced or other database loses nothing."""

import json
import shutil

import pytest
from sqlalchemy import delete, select

from cellapp.errors import StoreError
from cellapp.jobs.worker import run_worker
from cellapp.store import database
from cellapp.store.blobs import digest_path, stored_digests
from cellapp.store.file_schema import FileStore
from cellapp.store.images import get_image, list_images
from cellapp.store.schema import Base
from cellapp.store.uploads import add_image


def id_of_files(home):
    return json.loads((home / "store.json").read_text())["id"]


def id_of_database():
    with database.reading() as session:
        return session.scalar(select(FileStore.id))


def forget(*tables):
    with database.writing() as session:
        for table in tables:
            session.execute(delete(table))


def everything():
    """All tables, those that others refer to last."""
    return list(reversed(Base.metadata.sorted_tables))


def test_a_new_home_and_its_database_get_one_id(project, home):
    assert len(id_of_files(home)) == 32
    assert id_of_database() == id_of_files(home)
    database.dispose()
    assert id_of_database() == id_of_files(home)


@pytest.mark.parametrize("lost", ["file", "row", "both", "damaged"])
def test_what_belongs_together_gets_a_lost_id_back(add, home, lost):
    """Both have none in what version 0.1.0 stored."""
    image, known = add(), id_of_files(home)
    if lost in ("row", "both"):
        forget(FileStore)
    if lost in ("file", "both"):
        (home / "store.json").unlink()
    if lost == "damaged":
        (home / "store.json").write_text("{")
    database.dispose()
    assert get_image(image.id).digest == image.digest
    assert id_of_database() == id_of_files(home)
    assert (id_of_database() == known) == (lost != "both")


@pytest.mark.parametrize("has_id", [True, False])
def test_an_emptied_database_loses_nothing(add, home, has_id):
    image = add()
    content = digest_path(image.digest).read_bytes()
    forget(*everything())
    if not has_id:
        (home / "store.json").unlink()
    database.dispose()
    for _ in range(2):
        with pytest.raises(StoreError, match="of 0 images in the database and 1 stored files none is the other's"):
            run_worker(once=True, handlers={})
    assert digest_path(image.digest).read_bytes() == content


def test_another_database_loses_nothing(add, home):
    image, known = add(), id_of_files(home)
    forget(FileStore)
    with database.writing() as session:
        session.add(FileStore(id="f" * 32))
    database.dispose()
    with pytest.raises(StoreError, match=f"their ids are {known} and {'f' * 32}; point CELLAPP_HOME and"):
        list_images(image.project_id)
    assert list(stored_digests()) == [image.digest]


def test_an_empty_home_does_not_take_over_a_database_with_images(add, home):
    image = add()
    shutil.move(home / "files", home.parent / "files")
    shutil.move(home / "store.json", home.parent / "store.json")
    database.dispose()
    with pytest.raises(StoreError, match="of 1 images in the database and 0 stored files"):
        get_image(image.id)
    shutil.move(home.parent / "files", home / "files")
    assert get_image(image.id).digest == image.digest


def test_an_older_database_keeps_what_came_since(project, add, write_tiff, home):
    first = add(1)
    rows = _rows()
    newer = add_image(project.id, write_tiff(2), "newer.tif")
    _put_back(rows)
    run_worker(once=True, handlers={})
    assert set(stored_digests()) == {first.digest, newer.digest}


def _rows():
    with database.reading() as session:
        return {table: [tuple(row) for row in session.execute(select(table))] for table in Base.metadata.sorted_tables}


def _put_back(rows):
    forget(*everything())
    with database.writing() as session:
        for table, lines in rows.items():
            if lines:
                session.execute(table.insert(), [dict(zip(table.columns.keys(), line, strict=True)) for line in lines])
    database.dispose()
