"""Bytes go when nobody needs them, and not before."""

import os
import time
from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from cellapp.errors import StoreError
from cellapp.settings import AnalyseSettings
from cellapp.store import bin as disk_bin
from cellapp.store import database
from cellapp.store.blobs import digest_path
from cellapp.store.file_schema import DeletedFile
from cellapp.store.images import get_image, remove_image, restore_image, set_reference
from cellapp.store.joined_images import combine_images
from cellapp.store.open_image import open_slide, thumbnail_path
from cellapp.store.projects import create_project
from cellapp.store.purge import purge_files, purge_images
from cellapp.store.runs import create_run, delete_run, purge_deleted
from cellapp.store.schema import Image, now
from cellapp.store.uploads import add_image


def empty_bin():
    """Empty it as if everything had lain there for long."""
    n_images = purge_images(older_than_s=-1)
    return n_images, purge_files(untouched_s=-1)


def test_a_removed_image_takes_its_file_and_thumbnail_along(add):
    image, other = add(1), add(2)
    picture = thumbnail_path(image.id)
    remove_image(image.id)
    assert empty_bin() == (1, 1)
    assert not digest_path(image.digest).exists()
    assert not picture.exists()
    assert digest_path(other.digest).exists()
    with pytest.raises(StoreError, match="no image"):
        get_image(image.id)


def test_within_a_week_removing_is_undone_with_all_bytes(add):
    image = add()
    remove_image(image.id)
    assert purge_images() == 0
    assert purge_files(untouched_s=-1) == 0
    restore_image(image.id)
    assert open_slide(image.id).region().any()


def test_bytes_that_another_project_has_stay(project, write_tiff):
    path = write_tiff()
    image = add_image(project.id, path, "here.tif")
    twin = add_image(create_project("other").id, path, "there.tif")
    assert twin.digest == image.digest
    remove_image(image.id)
    assert empty_bin() == (1, 0)
    assert open_slide(twin.id).region().any()
    remove_image(twin.id)
    assert empty_bin() == (1, 1)


def test_parts_of_a_combined_image_stay_as_long_as_it_does(project, add):
    parts = [add(value, shape=(1, 32, 40), channels=(name,)) for value, name in ((1, "DAPI"), (2, "actin"))]
    whole = combine_images(project.id, [part.id for part in parts], ["DAPI", "actin"])
    assert empty_bin() == (2, 0)
    assert open_slide(whole.id).region().shape[0] == 2
    remove_image(whole.id)
    assert empty_bin() == (1, 2)


def test_a_run_keeps_its_images_until_it_is_purged(project, add):
    image = add()
    run = create_run(project.id, [image.id], AnalyseSettings())
    remove_image(image.id)
    assert empty_bin() == (0, 0)
    delete_run(run.id)
    assert purge_deleted(older_than_s=-1) == 1
    assert empty_bin() == (1, 1)


def test_an_image_that_another_is_segmented_on_stays(add):
    image, reference = add(1), add(2)
    set_reference(image.id, reference.id)
    remove_image(reference.id)
    assert empty_bin() == (0, 0)
    remove_image(image.id)
    assert empty_bin() == (2, 2)


def test_a_file_that_has_just_come_is_left_alone(add):
    image = add()
    path = digest_path(image.digest)
    orphan = path.with_name(path.name[:2] + "0" * 62)
    orphan.write_bytes(b"its image is being written down")
    assert purge_files() == 0
    old = time.time() - 2 * 24 * 3600
    os.utime(orphan, (old, old))
    os.utime(path, (old, old))
    assert purge_files() == 0
    assert path.exists()
    assert orphan.exists()  # nobody wrote down that its image was deleted


def age(*digests):
    """Make files as old as if nobody had touched them for two days."""
    for digest in digests:
        os.utime(digest_path(digest), (time.time() - 2 * 24 * 3600,) * 2)


def test_what_is_cleaned_away_lies_in_the_bin_for_a_week(add, home):
    image, _ = add(1), add(2)
    content = digest_path(image.digest).read_bytes()
    remove_image(image.id)
    assert purge_images(older_than_s=-1) == 1
    age(image.digest)
    assert purge_files() == 1
    (kept,) = (home / "bin").glob(f"*/files/{image.digest[:2]}/{image.digest}")
    assert kept.read_bytes() == content
    assert disk_bin.empty_bin() == 0
    kept.rename(digest_path(image.digest))
    assert digest_path(image.digest).read_bytes() == content
    assert disk_bin.empty_bin(kept_s=-1) == 1
    assert list((home / "bin").iterdir()) == []


def test_what_was_stored_again_since_it_was_deleted_stays(project, write_tiff, add):
    """An older copy of the database still says that the image is deleted and does not know the new one."""
    image, _ = add(1), add(2)
    remove_image(image.id)
    assert purge_images(older_than_s=-1) == 1
    with database.writing() as session:
        session.execute(update(DeletedFile).values(deleted=now() - timedelta(days=2)))
    age(image.digest)
    os.utime(digest_path(image.digest), (time.time() - 1.5 * 24 * 3600,) * 2)
    assert purge_files() == 0
    assert digest_path(image.digest).exists()


def test_a_database_that_forgot_most_images_cleans_nothing(add, home):
    images = [add(value) for value in range(4)]
    remove_image(images[0].id)
    assert purge_images(older_than_s=-1) == 1
    with database.writing() as session:
        session.execute(delete(Image).where(Image.id.in_([image.id for image in images[1:]])))
    age(*(image.digest for image in images))
    with pytest.raises(StoreError, match="nothing was cleaned away: 3 of 4 stored files belong to no image"):
        purge_files()
    assert all(digest_path(image.digest).exists() for image in images)


def test_the_same_bytes_again_count_as_touched(project, write_tiff):
    source = write_tiff()
    path = digest_path(add_image(project.id, source, "one.tif").digest)
    os.utime(path, (0, 0))
    add_image(project.id, source, "one.tif")
    assert path.stat().st_mtime > time.time() - 3600
