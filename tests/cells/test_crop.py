import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cells import region_reader
from cellapp.cells.crop import crop
from cellapp.errors import InputError
from cellapp.images.orientation import dominant_angle
from cellapp.settings import CropMode, CropSettings
from cellapp.types.image import Role
from tests.cells.toy import CHANNELS, blobs, label_arrays, measured, noise, slide_of

ROLES = (Role.NUCLEUS, Role.OTHER)


def cut(labels, mode, *, pixels=None, size_px=40, **more):
    mask, pixels, cells = measured(labels, pixels)
    drop = more.pop("drop", ())
    return crop(pixels, mask, cells, CropSettings(mode=mode, size_px=size_px, drop_channels=drop),
                channels=CHANNELS, with_inside=True, **more), pixels, cells  # fmt: skip


@given(labels=label_arrays(), mode=st.sampled_from(list(CropMode)))
@settings(max_examples=40, deadline=None)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_cell_gets_its_crop_in_every_mode(labels, mode):
    crops, _, cells = cut(labels, mode, size_px=16)
    assert crops.cell_ids.tolist() == cells.index.tolist()
    for pixels, inside in zip(crops.pixels, crops.inside, strict=True):
        assert pixels.shape[1:] == inside.shape
        assert inside.any()
        if mode in (CropMode.MASKED, CropMode.PADDED):
            assert not pixels[:, ~inside].any()
        if mode is not CropMode.MASKED:
            assert pixels.shape[1] == pixels.shape[2] >= 16


@pytest.mark.parametrize("angle_deg", [0.0, 33.0])
def test_the_window_of_a_cell_without_a_middle_shows_the_cell(angle_deg):
    labels = np.zeros((60, 60), np.int32)
    labels[5:55, 5:55] = 1
    labels[10:50, 10:50] = 0  # a ring wider than the window
    labels[20:23, 20:23] = labels[40:43, 40:43] = 2  # in two pieces
    crops, pixels, _ = cut(labels, CropMode.WINDOW, size_px=12, angle_deg=angle_deg)
    assert crops.cell_ids.tolist() == [1, 2]
    assert all(inside.any() and inside.shape == (12, 12) for inside in crops.inside)


@given(labels=label_arrays())
@settings(max_examples=25, deadline=None)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_masked_and_padded_keep_every_pixel_of_the_cell(labels):
    for mode in (CropMode.MASKED, CropMode.PADDED):
        crops, pixels, cells = cut(labels, mode, size_px=8)
        for cell_id, picture, inside in zip(crops.cell_ids, crops.pixels, crops.inside, strict=True):
            np.testing.assert_array_equal(picture[:, inside], pixels[:, labels == cell_id])
            assert inside.sum() == cells.loc[cell_id, "area_px"]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("mode", list(CropMode))
@pytest.mark.parametrize("angle_deg", [0.0, 33.0])
def test_dtype_and_range_survive(dtype, mode, angle_deg):
    pixels = noise((120, 160), dtype)
    crops, _, _ = cut(blobs(6), mode, pixels=pixels, angle_deg=angle_deg)
    assert {str(picture.dtype) for picture in crops.pixels} == {dtype}
    assert max(picture.max() for picture in crops.pixels) <= pixels.max()
    assert min(picture.min() for picture in crops.pixels) >= 0


def test_saturated_cell_does_not_wrap_when_scaled():
    crops, _, _ = cut(blobs(3), CropMode.LETTERBOXED, pixels=np.full((2, 120, 160), 255, np.uint8), size_px=64)
    assert all((picture[:, inside] > 100).all() for picture, inside in zip(crops.pixels, crops.inside, strict=True))


def test_window_shows_the_neighbourhood_and_zeros_beyond_the_image():
    labels = np.zeros((30, 30), np.int32)
    labels[0:3, 0:3] = 1
    crops, pixels, _ = cut(labels, CropMode.WINDOW, size_px=9)
    np.testing.assert_array_equal(crops.pixels[0][:, 3:, 3:], pixels[:, :6, :6])
    assert not crops.pixels[0][:, :3].any()
    assert not crops.pixels[0][:, :, :3].any()


def test_padded_square_grows_with_a_cell_that_does_not_fit():
    labels = np.zeros((60, 60), np.int32)
    labels[5:50, 20:30], labels[55:58, 55:58] = 1, 2
    crops, _, _ = cut(labels, CropMode.PADDED, size_px=16)
    assert [picture.shape for picture in crops.pixels] == [(2, 45, 45), (2, 16, 16)]


def test_letterboxed_fills_the_longer_side_and_keeps_the_aspect():
    labels = np.zeros((60, 60), np.int32)
    labels[5:45, 20:30] = 1
    inside = cut(labels, CropMode.LETTERBOXED, size_px=20)[0].inside[0]
    assert inside.any(axis=1).sum() == 20
    assert inside.any(axis=0).sum() == 5


def test_a_missing_pixel_is_missing_where_it_counts_and_nowhere_else():
    labels = np.zeros((60, 60), np.int32)
    labels[5:45, 5:45] = 1
    pixels = np.random.default_rng(0).random((2, 60, 60))
    whole = cut(labels, CropMode.LETTERBOXED, pixels=pixels, size_px=20)[0].pixels[0]
    pixels[0, 10, 10] = np.nan
    holed = cut(labels, CropMode.LETTERBOXED, pixels=pixels, size_px=20)[0].pixels[0]
    missing = np.isnan(holed)
    assert 0 < missing.sum() < 40, "a neighbourhood, neither the row nor the crop"
    assert missing[0, 2, 2]
    np.testing.assert_allclose(holed[~missing], whole[~missing], atol=1e-12)


@pytest.mark.parametrize("drop", [("nucleus",), (Role.NUCLEUS.value,)])
@pytest.mark.parametrize("mode", list(CropMode))
def test_dropped_channel_is_zero_and_the_other_untouched(drop, mode):
    with_all, _, _ = cut(blobs(3), mode, roles=ROLES)
    without, pixels, _ = cut(blobs(3), mode, roles=ROLES, drop=drop)
    for full, less in zip(with_all.pixels, without.pixels, strict=True):
        assert not less[0].any()
        np.testing.assert_array_equal(less[1], full[1])
    assert pixels.all(), "the image itself was changed"


def test_role_drops_a_channel_of_another_name():
    mask, pixels, cells = measured(blobs(2))
    chosen = CropSettings(drop_channels=("nucleus",))
    crops = crop(pixels, mask, cells, chosen, channels=("blue", "orange"), roles=ROLES)
    assert not crops.pixels[0][0].any()
    assert crops.pixels[0][1].any()


def test_unknown_channel_to_drop_is_refused_with_the_choice():
    with pytest.raises(InputError, match=r"'red'.*nucleus, orange"):
        cut(blobs(1), CropMode.MASKED, drop=("red",))


def test_cell_of_another_label_image_is_refused():
    mask, pixels, cells = measured(blobs(2))
    with pytest.raises(InputError, match="cell 9 "):
        crop(pixels, mask, cells.rename(index={2: 9}), CropSettings(), channels=CHANNELS)


def test_quarter_turn_is_clockwise():
    for mode in (CropMode.MASKED, CropMode.WINDOW):
        straight, _, _ = cut(blobs(4), mode, size_px=41)
        turned, _, _ = cut(blobs(4), mode, size_px=41, angle_deg=90)
        for before, after in zip(straight.pixels[:1], turned.pixels[:1], strict=True):
            assert after.shape == np.rot90(before, -1, axes=(1, 2)).shape
            assert np.mean(after == np.rot90(before, -1, axes=(1, 2))) > 0.99


@pytest.mark.parametrize("angle_deg", [-25, 15])
def test_dominant_direction_becomes_horizontal(angle_deg):
    y, x = np.mgrid[:256, :256]
    slope = np.deg2rad(angle_deg)
    stripes = np.sin((y * np.cos(slope) + x * np.sin(slope)) / 3)[None].astype(np.float32)
    found = dominant_angle(stripes)
    labels = np.zeros((256, 256), np.int32)
    labels[108:148, 108:148] = 1
    picture = cut(labels, CropMode.WINDOW, pixels=stripes, size_px=128, angle_deg=found)[0].pixels[0]
    assert found == pytest.approx(angle_deg, abs=1)
    assert np.abs(np.diff(picture, axis=2)).mean() < 0.1 * np.abs(np.diff(picture, axis=1)).mean()


def test_turned_window_has_no_black_corners():
    labels = np.zeros((200, 200), np.int32)
    labels[95:105, 95:105] = 1
    crops, _, _ = cut(labels, CropMode.WINDOW, pixels=np.full((2, 200, 200), 9, np.uint8), angle_deg=45)
    assert (crops.pixels[0] == 9).all()


@given(angle_deg=st.floats(-180, 180))
@settings(max_examples=20, deadline=None)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_no_cell_vanishes_when_turned(angle_deg):
    labels = np.zeros((9, 9), np.int32)
    labels[2, 2], labels[4, 4:6], labels[6:8, 1] = 1, 2, 3
    crops, _, _ = cut(labels, CropMode.MASKED, angle_deg=angle_deg)
    assert all(inside.any() for inside in crops.inside)


@pytest.mark.parametrize("mode", list(CropMode))
def test_zero_cells(mode):
    crops, _, _ = cut(blobs(0), mode)
    assert len(crops) == 0
    assert crops.cell_ids.dtype == np.int32


def test_subset_in_its_own_order():
    mask, pixels, cells = measured(blobs(6))
    crops = crop(pixels, mask, cells.loc[[5, 2]], CropSettings(), channels=CHANNELS)
    assert crops.cell_ids.tolist() == [5, 2]
    assert crops.inside == ()


def test_slide_is_decoded_in_blocks_and_gives_the_same(monkeypatch):
    monkeypatch.setattr(region_reader, "BLOCK_PX", 32)
    monkeypatch.setattr(region_reader, "CACHE_BYTES", 20_000)
    mask, pixels, cells = measured(blobs(15))
    reads = []

    class Counted:
        shape, dtype = pixels.shape, pixels.dtype

        def __getitem__(self, key):
            reads.append(key)
            return pixels[key]

    slide = slide_of(pixels)
    object.__setattr__(slide, "levels", (Counted(),))
    from_slide = crop(slide, mask, cells, CropSettings(), channels=CHANNELS)
    from_array = crop(pixels, mask, cells, CropSettings(), channels=CHANNELS)
    for one, other in zip(from_slide.pixels, from_array.pixels, strict=True):
        np.testing.assert_array_equal(one, other)
    assert max(key[1].stop - key[1].start for key in reads) <= 32
