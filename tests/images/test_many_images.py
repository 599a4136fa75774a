"""Scenes, times, depth and channels come back as written: image by image, whole and by region, by every rule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.images.probe import admit_all
from cellapp.images.read import open_slide
from cellapp.types.image import Region
from tests.images.many_images import reduced, write_bioformats2raw, write_harmony, write_ome_tiff, write_set
from tests.images.slides import noise

sizes = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3))  # times, channels, planes
depths = st.sampled_from(["max", "mean", "sharpest", "1"])


def scenes_of(data: st.DataObject, at_most: int, dtype: str) -> list[np.ndarray]:
    shapes = data.draw(st.lists(sizes, min_size=1, max_size=at_most), label="times, channels, planes of each scene")
    return [noise(*shape, 21 + i, 17, dtype=dtype, seed=i) for i, shape in enumerate(shapes)]


def check_images(path, scenes: list[np.ndarray], depth: str, box: Region = Region(3, 5, 9, 8)) -> None:  # noqa: B008
    images = admit_all(path, depth=depth)
    places = [(s, t) for s, scene in enumerate(scenes) for t in range(len(scene))]
    assert [(info.selection.scene, info.selection.time) for info in images] == places
    assert len({info.title for info in images}) == len(places)
    for info, (s, t) in zip(images, places, strict=True):
        slide = open_slide(path, selection=info.selection)
        assert slide.info == info
        pixels = slide.region()
        if depth == "sharpest":
            assert any((pixels == scenes[s][t, :, z]).all() for z in range(scenes[s].shape[2]))
        else:
            np.testing.assert_array_equal(pixels, reduced(scenes[s], t, depth))
        np.testing.assert_array_equal(slide.region(box), pixels[:, *box.slices])
        assert info.um_per_px == pytest.approx(0.5)


@given(data=st.data(), depth=depths, dtype=st.sampled_from(["uint8", "uint16", "float32"]))
@settings(max_examples=10, deadline=None)
def test_ome_tiff(tmp_path_factory, data, depth, dtype):
    scenes = scenes_of(data, 3, dtype)
    named = {f"position {i}": scene for i, scene in enumerate(scenes)}
    path = write_ome_tiff(tmp_path_factory.mktemp("ome") / "many.ome.tif", named)
    check_images(path, scenes, depth)


@given(data=st.data(), depth=depths, version=st.sampled_from(["0.4", "0.5"]))
@settings(max_examples=8, deadline=None)
def test_ome_zarr(tmp_path_factory, data, depth, version):
    scenes = scenes_of(data, 2, "uint16")
    path = write_bioformats2raw(tmp_path_factory.mktemp("zarr") / "many", scenes, version=version)
    check_images(path, scenes, depth)


@given(data=st.data(), depth=depths, n_files=st.integers(2, 4), companion=st.booleans())
@settings(max_examples=8, deadline=None)
def test_ome_tiff_sets_from_any_member(tmp_path_factory, data, depth, n_files, companion):
    scene = noise(*data.draw(sizes.filter(lambda size: 12 >= np.prod(size) >= n_files)), 21, 17)
    files = write_set(tmp_path_factory.mktemp("set"), scene, n_files, companion=companion)
    check_images(data.draw(st.sampled_from(files)), [scene], depth)


@given(data=st.data(), depth=depths, per_channel=st.booleans())
@settings(max_examples=8, deadline=None)
def test_measurements(tmp_path_factory, data, depth, per_channel):
    n_channels = data.draw(st.integers(1, 2))
    fields = data.draw(
        st.lists(
            st.tuples(st.integers(1, 8), st.integers(1, 12), st.integers(1, 3)), min_size=1, max_size=3, unique=True
        )
    )
    scenes = {place: noise(2, n_channels, 2, 21, 17, seed=i) for i, place in enumerate(sorted(fields))}
    path = write_harmony(tmp_path_factory.mktemp("plate"), scenes, per_channel=per_channel)
    check_images(path, list(scenes.values()), depth)


def test_times_are_named_where_the_file_tells(tmp_path):
    path = write_ome_tiff(tmp_path / "a.ome.tif", {"one": noise(3, 1, 1, 20, 20)}, interval_s=5400)
    assert [info.title for info in admit_all(path)] == [
        f"a.ome.tif · 00d0{i}h{m}m" for i, m in ((0, "00"), (1, "30"), (3, "00"))
    ]
