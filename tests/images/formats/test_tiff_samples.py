"""What the tags of a TIFF say about its samples is what comes out."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from cellapp.errors import InputError
from cellapp.images.read import open_slide
from cellapp.segmentation.label_image import read_labels
from cellapp.types.image import Region
from tests.images.slides import noise
from tests.paths import shared_case

BLUE = np.stack([np.zeros(256), np.zeros(256), np.arange(256) * 257]).astype(np.uint16)
RANDOM = noise(3, 256, seed=7)


def written(path, pixels, **options):
    tifffile.imwrite(path, pixels, **options)
    return open_slide(path)


def disc(height: int = 60, width: int = 80) -> np.ndarray:
    y, x = np.ogrid[:height, :width]
    return np.where((y - height / 2) ** 2 + (x - width / 2) ** 2 < 400, 255, 0).astype(np.uint8)


def test_an_indexed_photo_is_read_in_its_colours(tmp_path):
    indices = noise(60, 80, dtype="uint8")
    slide = written(tmp_path / "a.tif", indices, photometric="palette", colormap=RANDOM)
    np.testing.assert_array_equal(slide.region(), RANDOM[:, indices] >> 8)
    assert slide.info.channels == ("red", "green", "blue")
    assert "indexed colours" in slide.info.notes[-1]
    np.testing.assert_array_equal(slide.region(Region(5, 6, 7, 8)), slide.region()[:, 5:12, 6:14])


@pytest.mark.parametrize("n_planes", [1, 2])
def test_a_stain_with_a_display_table_keeps_its_values(tmp_path, n_planes):
    pixels = noise(n_planes, 60, 80, dtype="uint8")
    table = BLUE if n_planes == 1 else RANDOM
    slide = written(tmp_path / "a.tif", pixels, photometric="palette", colormap=table, metadata={"axes": "CYX"})
    np.testing.assert_array_equal(slide.region(), pixels)
    assert slide.info.notes == ()


@pytest.mark.parametrize("table", [BLUE, RANDOM])
def test_ids_of_a_label_image_are_its_indices(tmp_path, table):
    ids = noise(60, 80, dtype="uint8")
    tifffile.imwrite(tmp_path / "a.tif", ids, photometric="palette", colormap=table)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.tif"), ids)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "bool"])
def test_white_is_zero_is_turned_over_at_each_level(tmp_path, dtype):
    pixels = noise(64, 96, dtype=dtype) if dtype != "bool" else noise(64, 96) > 2**15
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(pixels, photometric="miniswhite", subifds=1, tile=(16, 16))
        tif.write(pixels[::2, ::2], photometric="miniswhite", subfiletype=1, tile=(16, 16))
    slide = open_slide(tmp_path / "a.tif")
    meant = ~pixels if dtype[0] in "uib" else 1 - pixels
    for level, step in enumerate((1, 2)):
        read = slide.region(level=level)[0]
        assert read.dtype == dtype
        np.testing.assert_array_equal(read, meant[::step, ::step])
    assert "white as the lowest" in slide.info.notes[0]


def test_depth_is_projected_after_values_are_turned_over(tmp_path):
    pixels = noise(3, 20, 30, dtype="uint8")
    slide = written(tmp_path / "a.tif", pixels, photometric="miniswhite", metadata={"axes": "ZYX"})
    np.testing.assert_array_equal(slide.region()[0], (255 - pixels).max(axis=0))


@pytest.mark.parametrize("alpha", ["opaque", "half", "mask", "shade"])
@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("n_colours", [1, 3])
def test_transparency_is_no_channel(tmp_path, alpha, kind, planar, n_colours):
    opacity = {
        "opaque": np.full((60, 80), 255),
        "half": np.full((60, 80), 128),
        "mask": disc(),
        "shade": np.linspace(0, 255, 80).astype(np.uint8) + np.zeros((60, 1)),
    }[alpha].astype(np.uint8)
    colours = noise(60, 80, n_colours, dtype="uint8")
    shown = colours * (opacity[..., None] / 255) if kind == "assocalpha" else colours
    pixels = np.concatenate([np.rint(shown).astype(np.uint8), opacity[..., None]], axis=2)
    options = {"photometric": "rgb" if n_colours == 3 else "minisblack", "extrasamples": [kind], "planarconfig": planar}
    slide = written(tmp_path / "a.tif", pixels if planar == "contig" else pixels.transpose(2, 0, 1), **options)
    assert slide.info.shape == (n_colours, 60, 80)
    assert "transparency" in slide.info.notes[0]
    sure = opacity > 100
    difference = slide.region().astype(int) - colours.transpose(2, 0, 1)
    assert np.abs(difference[:, sure]).max(initial=0) <= (0 if kind == "unassalpha" or alpha == "opaque" else 2)


@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha", "unspecified"])
def test_a_stain_stored_as_transparency_is_a_channel(tmp_path, kind):
    pixels = np.concatenate([noise(60, 80, 3, dtype="uint8"), (disc() // 2 + noise(60, 80) % 40)[..., None]], axis=2)
    slide = written(tmp_path / "a.tif", pixels.astype(np.uint8), photometric="rgb", extrasamples=[kind])
    np.testing.assert_array_equal(slide.region(), pixels.transpose(2, 0, 1))


def test_transparency_that_the_file_names_as_a_channel_is_one(tmp_path):
    pixels = np.concatenate([noise(60, 80, 3, dtype="uint8"), disc()[..., None]], axis=2)
    options = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
    plain = written(tmp_path / "a.ome.tif", pixels, metadata={"axes": "YXS"}, **options)
    assert plain.info.shape[0] == 3
    names = ["membrane", "actin", "nucleus", "mask"]
    channels = {"axes": "CYX", "Channel": {"Name": names}}
    stains = written(
        tmp_path / "b.ome.tif",
        pixels.transpose(2, 0, 1),
        photometric="minisblack",
        metadata=channels,
    )
    assert stains.info.channels == tuple(names)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_to_regions_and_levels(tmp_path, orientation):
    pixels = noise(48, 64, 3, dtype="uint8")
    tag = [(274, "H", 1, orientation, True)]
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(pixels, photometric="rgb", subifds=1, tile=(16, 16), extratags=tag)
        tif.write(pixels[::2, ::2], photometric="rgb", subfiletype=1, tile=(16, 16), extratags=tag)
    slide = open_slide(tmp_path / "a.tif")
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif(orientation))
    upright = open_slide(tmp_path / "a.png").region()
    np.testing.assert_array_equal(slide.region(), upright)
    assert slide.info.levels == (upright.shape[1:], tuple(n // 2 for n in upright.shape[1:]))
    assert slide.levels[1].shape == (3, *slide.info.levels[1])
    np.testing.assert_array_equal(slide.region(Region(3, 5, 20, 30)), upright[:, 3:23, 5:35])


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[274] = orientation
    return made


def test_inks_and_luma_become_red_green_blue(tmp_path):
    colours = Image.fromarray(noise(40, 50, 3, dtype="uint8"))
    for mode, photometric in (("CMYK", "separated"), ("YCbCr", "ycbcr")):
        pixels = np.asarray(colours.convert(mode))
        slide = written(tmp_path / "a.tif", pixels, photometric=photometric, subsampling=(1, 1))
        assert slide.info.shape == (3, 40, 50)
        assert "red, green and blue" in slide.info.notes[0] or "RGB" in slide.info.notes[0]
        difference = slide.region().astype(int) - np.asarray(colours).transpose(2, 0, 1)
        assert np.abs(difference).max() <= 3, "both ways are rounded"


def test_colour_spaces_that_are_not_converted_are_refused_in_words(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(40, 50, 3, dtype="uint8"), photometric="cielab")
    with pytest.raises(InputError, match="'a.tif' holds its colours as CIELab; save it as RGB"):
        open_slide(tmp_path / "a.tif")


def test_bits_that_carry_values_are_told_and_values_stay(tmp_path):
    pixels = noise(40, 50) % 4096
    slide = written(tmp_path / "a.tif", pixels, extratags=[(281, "H", 1, 4095, True)])
    assert (slide.info.bits, slide.info.dtype) == (12, "uint16")
    np.testing.assert_array_equal(slide.region()[0], pixels)
    assert written(tmp_path / "b.tif", pixels, extratags=[(341, "H", 1, 3187, True)]).info.bits is None
    ome = written(tmp_path / "c.ome.tif", pixels, metadata={"axes": "YX", "SignificantBits": 14})
    assert (ome.info.bits, ome.info.notes) == (14, ("Of each sample 14 bits carry values.",))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32"])
def test_negative_values_stay(tmp_path, dtype):
    pixels = noise(40, 50, dtype=dtype) - np.iinfo(dtype).max // 2
    np.testing.assert_array_equal(written(tmp_path / "a.tif", pixels).region()[0], pixels)


def test_case_indexed_photo_and_display_table():
    case = shared_case("01-lut-tiff")
    photo, stain = (open_slide(case / f"{name}.tif") for name in ("indexed_photo", "lut_blue"))
    np.testing.assert_array_equal(
        photo.region(), np.asarray(Image.open(case / "indexed_photo.tif").convert("RGB")).transpose(2, 0, 1)
    )
    assert stain.info.shape[0] == 1
    assert np.median(stain.region()[stain.region() > 100]) == pytest.approx(180, abs=5)


def test_case_white_is_zero():
    slide = open_slide(shared_case("02-min-is-white") / "miniswhite8.tif")
    assert np.percentile(slide.region(), (5, 99)) == pytest.approx((20, 180), abs=20)


def test_case_opaque_alpha_gives_the_picture_without():
    case = shared_case("03-alpha-tiff")
    with_alpha, without = open_slide(case / "rgba.tif"), open_slide(case / "rgb.png")
    assert with_alpha.info.channels == without.info.channels
    np.testing.assert_array_equal(with_alpha.region(), without.region())


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_white_as_zero_is_turned_over_in_either_byte_order_where_the_file_is_mapped(tmp_path, order, dtype):
    stored = np.arange(12).reshape(3, 4).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite", byteorder=order, metadata=None)
    top = {"u": 65535, "i": -1, "f": 1}[stored.dtype.kind]
    np.testing.assert_array_equal(open_slide(tmp_path / "a.tif").region()[0], top - stored.astype(np.float64))


@pytest.mark.parametrize("alpha", [False, True])
def test_channels_that_are_photographs_keep_their_names_beside_their_colours(tmp_path, alpha):
    pixels = noise(2, 30, 40, 4 if alpha else 3, dtype="uint8")
    pixels[..., 3:] = 255
    names = {"axes": "CYXS", "Channel": {"Name": ["H&E", "DAPI"]}}
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=[2] if alpha else None, metadata=names)
    slide = open_slide(path)
    assert slide.info.channels == tuple(f"{name} {c}" for name in ("H&E", "DAPI") for c in ("red", "green", "blue"))
    np.testing.assert_array_equal(slide.region(), pixels[..., :3].transpose(0, 3, 1, 2).reshape(6, 30, 40))
