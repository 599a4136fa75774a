import numpy as np
import pytest
import tifffile
from PIL import Image

from cellapp.errors import Cancelled
from cellapp.images.pyramid import halve
from cellapp.images.sampling import read_at_most
from cellapp.store import blobs, open_image
from cellapp.store.joined_images import combine_images
from cellapp.store.uploads import add_image
from tests.images.czi_files import mosaic, write_tiles
from tests.images.slides import noise

WIDE = (300, 2305)


@pytest.fixture
def large(project, tmp_path):
    """A large tiled image without a pyramid, and its pixels."""
    pixels = noise(2, *WIDE)
    tifffile.imwrite(tmp_path / "large.tif", pixels, tile=(256, 256), compression="zlib", photometric="minisblack")
    return add_image(project.id, tmp_path / "large.tif", "large.tif"), pixels


def test_a_pyramid_serves_the_viewer_and_changes_nothing_measured(large):
    record, pixels = large
    before = read_at_most(open_image.open_slide(record.id), 512)[0]
    assert open_image.lacks_pyramid(record)
    open_image.make_pyramid(record.id)
    assert not open_image.lacks_pyramid(record)
    view, analysed = open_image.open_view(record.id), open_image.open_slide(record.id)
    assert view.info.levels[:2] == (WIDE, (150, 1153))
    np.testing.assert_array_equal(view.region(level=1), halve(pixels))
    assert analysed.info.levels == (WIDE,)
    np.testing.assert_array_equal(analysed.region(), pixels)
    np.testing.assert_array_equal(read_at_most(analysed, 512)[0], before)


def test_it_is_written_once_and_a_half_written_one_does_not_count(large, monkeypatch):
    record, _ = large

    def stop(step, fraction):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        open_image.make_pyramid(record.id, stop)
    assert open_image.lacks_pyramid(record)
    assert len(open_image.open_view(record.id).levels) == 1
    made = open_image.make_pyramid(record.id)
    assert [path.name for path in made.parent.iterdir()] == [made.name]
    monkeypatch.setattr(open_image, "write_pyramid", None)
    assert open_image.make_pyramid(record.id) == made


def test_a_file_that_reads_only_whole_gets_its_full_level_written_too(project, tmp_path, monkeypatch):
    pixels = noise(3, 40, 2100, dtype="uint8").transpose(1, 2, 0)
    Image.fromarray(pixels).save(tmp_path / "large.png")
    record = add_image(project.id, tmp_path / "large.png", "large.png")
    open_image.make_pyramid(record.id)
    from cellapp.images.formats import raster

    monkeypatch.setattr(raster, "_decode", None)  # the file itself is not decoded any more
    np.testing.assert_array_equal(open_image.open_slide(record.id).region(), pixels.transpose(2, 0, 1))
    assert open_image.open_slide(record.id).info.levels == ((40, 2100),)


def test_a_slide_in_czi_is_not_copied(project, tmp_path):
    pixels = noise(*WIDE, dtype="uint8")
    record = add_image(project.id, write_tiles(tmp_path / "slide.czi", mosaic(pixels, 256)), "slide.czi")
    assert open_image.lacks_pyramid(record)
    assert open_image.reads_regions(record)
    assert not (open_image.make_pyramid(record.id) / "0").exists()
    view = open_image.open_view(record.id)
    assert view.info.levels[:2] == (WIDE, (150, 1153))
    np.testing.assert_array_equal(view.region(level=0)[0], pixels)
    np.testing.assert_array_equal(view.region(level=1), halve(pixels[None]))


def test_a_combined_image_has_a_pyramid_of_all_its_parts(project, tmp_path):
    parts = []
    for value in (1, 2):
        plane = noise(1, *WIDE, seed=value)[0]
        tifffile.imwrite(tmp_path / f"{value}.tif", plane, photometric="minisblack")
        parts.append((add_image(project.id, tmp_path / f"{value}.tif", f"{value}.tif"), plane))
    record = combine_images(project.id, [image.id for image, _ in parts], ["a", "b"])
    open_image.make_pyramid(record.id)
    expected = halve(np.stack([plane for _, plane in parts]))
    np.testing.assert_array_equal(open_image.open_view(record.id).region(level=1), expected)


def test_small_images_and_those_with_levels_need_none(add):
    record = add()
    assert open_image.make_pyramid(record.id) is None
    assert len(open_image.open_view(record.id).levels) == 1


def test_discarded_with_its_image(large):
    record, _ = large
    made = open_image.make_pyramid(record.id)
    blobs.discard(record.digest)
    assert not made.exists()
