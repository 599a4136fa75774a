"""An ImageJ stack that holds fewer or more pages than its words declare."""

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.probe import admit_all
from cellapp.images.read import open_slide
from tests.images.slides import noise


def write(path, pages, channels=1, slices=1, frames=1, **options):
    words = (
        f"ImageJ=1.54f\nimages={channels * slices * frames}\nchannels={channels}\nslices={slices}\nframes={frames}\n"
    )
    with tifffile.TiffWriter(path) as tif:
        for i, page in enumerate(pages):
            description = words if i == 0 else None
            tif.write(page, description=description, metadata=None, contiguous=False, **options)
    return path


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, 3)] * 3).filter(lambda sizes: np.prod(sizes) > 1),
    share=st.floats(0.1, 1),
    compression=st.sampled_from([None, "zlib"]),
)
def test_the_pages_that_are_there_keep_their_place(tmp_path_factory, sizes, share, compression):
    n_channels, n_planes, n_times = sizes
    n_pages = max(round(share * np.prod(sizes)), 1)
    stack = np.zeros((n_times, n_planes, n_channels, 9, 11), np.uint16)
    stack.reshape(-1, 9, 11)[:n_pages] = noise(n_pages, 9, 11) + 1
    path = tmp_path_factory.mktemp("stack") / "a.tif"
    write(path, stack.reshape(-1, 9, 11)[:n_pages], n_channels, n_planes, n_times, compression=compression)
    times, channels = stack.any((1, 2, 3, 4)), stack.any((0, 1, 3, 4))
    infos = admit_all(path)
    assert len(infos) == times.sum()
    assert any("not in the file" in n or "declares" in n for n in infos[0].notes) == (n_pages < np.prod(sizes))
    for info in infos:
        region = open_slide(path, selection=info.selection).region()
        np.testing.assert_array_equal(region, stack[info.selection.time].max(0)[channels])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_photographs_of_a_stopped_series_stay_photographs(tmp_path, dtype):
    photos = noise(2, 9, 11, 3, dtype=dtype)
    infos = admit_all(write(tmp_path / "a.tif", photos, frames=4, photometric="rgb"))
    assert [(info.is_photo, info.shape) for info in infos] == [(True, (3, 9, 11))] * 2


def test_pages_beside_those_declared_are_told(tmp_path):
    infos = admit_all(write(tmp_path / "a.tif", noise(7, 9, 11), frames=6))
    assert len(infos) == 6
    assert "declares 6 planes and holds 7 pages" in infos[0].notes[0]


def test_a_stack_in_one_piece_that_is_cut_off_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(6, 30, 40), imagej=True, metadata={"axes": "TYX"}, truncate=True)
    assert len(admit_all(path)) == 6
    path.write_bytes(path.read_bytes()[:-1500])
    with pytest.raises(InputError, match="cut off: it declares 6 planes and holds 5"):
        admit_all(path)
