"""Files of real instruments open with the axes, channels, pixel size and number of images that they declare.

What is expected was read from each file's own metadata with tifffile, zarr, nd2 and a text editor.
"""

import numpy as np
import pytest

from cellapp.images.probe import admit_all
from cellapp.images.read import open_slide
from tests.paths import shared_data

STAINS = ("channel 1", "channel 2", "channel 3")
DEPTH_NUCLEUS = "imagej_stacks/xyz_8bit__nucleus.tif"
APERIO = "svs/CMU-1-Small-Region.svs"
MULTIFILE = "ome_tiff_multifile/multifile"

# file: images, (C, Y, X), dtype, planes of depth, um per pixel
FILES = {
    "imagej_stacks/xyc_8bit__cyto_nuclei.tif": (1, (2, 254, 182), "uint8", 1, None),
    "imagej_stacks/xyt_8bit__em_fly_eye.tif": (2, (1, 322, 400), "uint8", 1, None),
    DEPTH_NUCLEUS: (1, (1, 207, 207), "uint8", 7, None),
    "ome_tiff/multi-channel.ome.tif": (1, (3, 167, 439), "int8", 1, None),
    "ome_tiff_multifile": (1, (1, 24, 18), "uint8", 5, None),
    f"{MULTIFILE}.companion.ome": (1, (1, 24, 18), "uint8", 5, None),
    **{f"{MULTIFILE}-Z{z}.ome.tiff": (1, (1, 24, 18), "uint8", 5, None) for z in range(1, 6)},
    "ome_zarr/bioformats-zarr": (1, (3, 167, 439), "int8", 1, None),
    "ome_zarr/blobs_image_v04.ome.zarr": (1, (3, 12, 12), "float64", 1, None),
    "ome_zarr/blobs_image_v05.ome.zarr": (1, (3, 12, 12), "float64", 1, None),
    "nd2/cluster.nd2": (3, (2, 31, 38), "uint16", 10, 0.16780898323),
    "operetta_plate": (1, (1, 1080, 1080), "uint16", 1, 1.1959521619135234),
    "operetta_plate/Images": (1, (1, 1080, 1080), "uint16", 1, 1.1959521619135234),
    "operetta_plate/Images/Index.idx.xml": (1, (1, 1080, 1080), "uint16", 1, 1.1959521619135234),
    "qupath_ome_tiff/OS-1-detail.ome.tif": (1, (3, 1101, 1101), "uint8", 1, 0.2270998217),
    APERIO: (1, (3, 2967, 2220), "uint8", 1, 0.499),
    **{f"tiff_per_channel/Channel_{c}.tif": (1, (1, 167, 439), "uint8", 1, None) for c in range(3)},
    **{f"tile_grid/tile_{y}_{x}.tif": (1, (2, 256, 256), "uint8", 1, None) for y in range(2) for x in range(2)},
}
CHANNELS = {
    "nd2/cluster.nd2": ("5-FAM/pH 9.0", "FM 4-64/2% CHAPS"),
    APERIO: ("red", "green", "blue"),
    "operetta_plate": ("Fluorescein (FITC)",),
    "qupath_ome_tiff/OS-1-detail.ome.tif": ("red", "green", "blue"),
    "tile_grid/tile_0_0.tif": ("C:0", "C:1"),
    "ome_zarr/blobs_image_v04.ome.zarr": ("0", "1", "2"),
    "ome_zarr/blobs_image_v05.ome.zarr": ("0", "1", "2"),
}


@pytest.mark.parametrize("file", FILES)
def test_a_file_opens_as_what_it_declares(file):
    n_images, shape, dtype, n_planes, um = FILES[file]
    path = shared_data(f"instrument_files/{file}")
    images = admit_all(path)
    assert len(images) == n_images
    for info in images:
        assert (info.shape, info.dtype, info.n_planes) == (shape, dtype, n_planes)
        assert info.um_per_px == (um and pytest.approx(um))
        assert info.channels == CHANNELS.get(file, info.channels)
        pixels = open_slide(path, selection=info.selection).region()
        assert pixels.shape == shape
        assert pixels.any()


def test_the_measurement_names_the_file_that_was_not_copied():
    (info,) = admit_all(shared_data("instrument_files/operetta_plate"))
    assert info.scene == "r03c03f01"
    assert any("1 of 2 fields" in note and "'r03c03f02p01-ch1sk1fk1fl1.tiff'" in note for note in info.notes)


def test_an_aperio_slide_has_one_scene_and_tells_what_is_left_out():
    (info,) = admit_all(shared_data(f"instrument_files/{APERIO}"))
    assert any("label or overview pictures in the file are left out: 3" in note for note in info.notes)


@pytest.mark.parametrize("depth", ["max", "mean", "sharpest", "4"])
def test_depth_is_reduced_by_each_rule(depth):
    path = shared_data(f"instrument_files/{DEPTH_NUCLEUS}")
    (info,) = admit_all(path, depth=depth)
    assert info.selection.depth == depth
    planes = np.stack(
        [open_slide(path, selection=admit_all(path, depth=str(z))[0].selection).region() for z in range(1, 8)]
    )
    pixels = open_slide(path, selection=info.selection).region()
    if depth == "sharpest":
        assert any((pixels == plane).all() for plane in planes)
    else:
        expected = {"max": planes.max(axis=0), "mean": np.rint(planes.mean(axis=0)), "4": planes[3]}
        np.testing.assert_array_equal(pixels, expected[depth])
