"""Stored images that become one: tiles here; files per channel are in test_uploads."""

import numpy as np
import pytest
import tifffile

from cellapp.errors import InputError
from cellapp.store.depth import set_depth
from cellapp.store.images import list_images
from cellapp.store.joined_images import combine_images, join_tile_images
from cellapp.store.open_image import open_slide, reads_regions, thumbnail_path
from cellapp.store.projects import create_project
from cellapp.store.uploads import add_image


@pytest.fixture
def tiles(project, tmp_path):
    whole = np.random.default_rng(0).integers(0, 255, (2, 40, 60)).astype(np.uint8)
    ids = []
    for y, x in np.ndindex(2, 3):
        path = tmp_path / f"tile_{y}_{x}.tif"
        tifffile.imwrite(path, whole[:, 20 * y : 20 * y + 20, 20 * x : 20 * x + 20], photometric="minisblack")
        ids.append(add_image(project.id, path, path.name).id)
    return whole, ids


def test_tiles_become_one_image_and_can_come_back(project, tiles):
    whole, ids = tiles
    image = join_tile_images(project.id, ids, 3, name="tile")
    np.testing.assert_array_equal(open_slide(image.id).region(), whole)
    assert (image.name, image.info.shape, image.n_columns) == ("tile", whole.shape, 3)
    assert open_slide(image.id).digest == image.digest
    assert reads_regions(image)
    assert thumbnail_path(image.id).is_file()
    assert list_images(project.id) == (image,)
    assert {one.id for one in list_images(project.id, removed=True)} == set(ids)
    assert join_tile_images(project.id, ids, 2, name="other").digest != image.digest


def test_what_cannot_be_joined_is_refused_and_nothing_is_removed(project, tiles, write_tiff):
    _, ids = tiles
    other = add_image(project.id, write_tiff(), "other.tif")
    elsewhere = add_image(create_project("another").id, write_tiff(2), "elsewhere.tif")
    for image_ids, n_columns, words in (
        (ids[:5], 3, "rows of 3; got 5 tiles"),
        ([*ids[:5], other.id], 3, "must be alike"),
        ([*ids[:5], elsewhere.id], 3, "another project"),
    ):
        with pytest.raises(InputError, match=words):
            join_tile_images(project.id, image_ids, n_columns)
    assert len(list_images(project.id)) == 7


def test_images_made_of_several_are_not_made_one_once_more(project, tiles, write_tiff):
    _, ids = tiles
    joined = join_tile_images(project.id, ids, 3)
    with pytest.raises(InputError, match="put together from tiles"):
        combine_images(project.id, [joined.id, ids[0]], ["a", "b"])
    with pytest.raises(InputError, match="put together from several files"):
        join_tile_images(project.id, [joined.id, joined.id], 2)


def test_tiles_of_several_planes_follow_the_projects_rule(project, tmp_path):
    stack = np.arange(3, dtype=np.uint8)[:, None, None] + np.zeros((3, 8, 8), np.uint8)
    ids = []
    for x in range(2):
        path = tmp_path / f"tile_0_{x}.tif"
        tifffile.imwrite(path, stack + 10 * x, imagej=True, metadata={"axes": "ZYX"})
        ids.append(add_image(project.id, path, path.name).id)
    image = join_tile_images(project.id, ids, 2)
    assert open_slide(image.id).region()[0, 0, [0, 8]].tolist() == [2, 12]
    (mean,) = set_depth(project.id, "mean")
    assert open_slide(mean.id).region()[0, 0, [0, 8]].tolist() == [1, 11]
    assert mean.n_columns == 2
