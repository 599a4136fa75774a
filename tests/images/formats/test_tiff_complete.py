"""A TIFF that lacks strips, tiles, levels or planes is refused in a sentence, or read with what is missing told."""

import numpy as np
import pytest
import tifffile

from cellapp.errors import InputError
from cellapp.images.read import open_slide
from tests.images.slides import noise
from tests.paths import shared_case

OFFSETS, COUNTS = {"tiles": 324, "strips": 273}, {"tiles": 325, "strips": 279}
WAYS = {"tiles": {"tile": (16, 16)}, "strips": {"rowsperstrip": 8}}


def changed(path, what: str, *, offsets=None, counts=None, level: int = 0):
    """Overwrite where the tiles or strips of a level are said to be."""
    with tifffile.TiffFile(path, mode="r+") as tif:
        page = tif.series[0].levels[level].pages[0].aspage()
        if offsets:
            page.tags[OFFSETS[what]].overwrite(offsets(list(page.dataoffsets)))
        if counts:
            page.tags[COUNTS[what]].overwrite(counts(list(page.databytecounts)))
    return path


def refusal(path) -> str:
    with pytest.raises(InputError) as refused:
        open_slide(path)
    assert "\n" not in str(refused.value)
    assert repr(path.name) in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("what", ["tiles", "strips"])
def test_fewer_than_the_size_needs_are_counted(tmp_path, what, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(64, 64), compression=compression, **WAYS[what])
    changed(path, what, offsets=lambda o: o[:-2], counts=lambda c: c[:-2])
    n_all = 16 if what == "tiles" else 8
    assert f"{n_all - 2} of its {n_all} {what} are there" in refusal(path)


@pytest.mark.parametrize("what", ["tiles", "strips"])
def test_shorter_than_their_rows_need_are_counted(tmp_path, what):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(64, 64), **WAYS[what])
    changed(path, what, counts=lambda c: [c[0], c[1] - 1, *c[2:]])
    assert f"1 of its {16 if what == 'tiles' else 8} {what} are shorter" in refusal(path)


def test_an_only_strip_that_is_cut_by_what_follows_is_refused(tmp_path):
    whole, cut = noise(64, 64), noise(32, 64)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(cut, metadata=None, contiguous=False)
        tif.write(whole, metadata=None, contiguous=False)
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages[0].tags[257].overwrite(64)
        tif.pages[0].tags[278].overwrite(64)
    assert "shorter" in refusal(path)


def test_a_wrong_length_of_an_only_strip_is_no_loss(tmp_path):
    path, pixels = tmp_path / "a.tif", noise(64, 64)
    tifffile.imwrite(path, pixels)
    changed(path, "strips", counts=lambda c: [c[0] // 2])
    np.testing.assert_array_equal(open_slide(path).region()[0], pixels)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("level", [0, 1])
def test_tiles_that_were_never_written_are_background_and_told(tmp_path, compression, level):
    path, pixels = tmp_path / "a.tif", noise(64, 64) | 1
    pyramid(path, pixels, compression)
    changed(path, "tiles", offsets=lambda o: [0, *o[1:]], counts=lambda c: [0, *c[1:]], level=level)
    slide = open_slide(path)
    assert "1 of 20 tiles are not stored and are read as background (0)." in slide.info.notes
    step = 2**level
    expected = pixels[::step, ::step].copy()
    expected[:16, :16] = 0
    np.testing.assert_array_equal(slide.region(level=level)[0], expected)


def test_a_file_of_which_nothing_was_written_holds_no_pixels(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(64, 64), tile=(16, 16))
    changed(path, "tiles", offsets=lambda o: [0] * len(o), counts=lambda c: [0] * len(c))
    assert "none of its 16 tiles was written" in refusal(path)


def pyramid(path, pixels: np.ndarray, compression: str | None = None) -> None:
    with tifffile.TiffWriter(path) as tif:
        tif.write(pixels, subifds=1, tile=(16, 16), compression=compression)
        tif.write(pixels[::2, ::2], subfiletype=1, tile=(16, 16), compression=compression)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_the_end_of_the_smallest_level_is_needed_too(tmp_path, compression, tile):
    path, pixels = tmp_path / "a.tif", noise(64, 64)
    with tifffile.TiffWriter(path) as tif:
        tif.write(pixels, subifds=1, tile=tile, compression=compression)
        tif.write(pixels[::2, ::2], subfiletype=1, tile=tile, compression=compression)
    content = path.read_bytes()
    with tifffile.TiffFile(path) as tif:
        page = tif.series[0].levels[1].pages[0]
        end = page.dataoffsets[-1] + page.databytecounts[-1]
    path.write_bytes(content[: end - 3])
    assert "is cut off" in refusal(path)


def test_jpeg_tiles_without_their_end_are_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(64, 64, 3, dtype="uint8"), photometric="rgb", compression="jpeg", tile=(32, 32))
    open_slide(path).region()
    changed(path, "tiles", counts=lambda c: [c[0], c[1] // 2, *c[2:]])
    assert "tiles end too early" in refusal(path)


def test_a_list_of_pages_that_leads_out_of_the_file_is_cut_off(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as tif:
        for _ in range(3):
            tif.write(noise(32, 32), metadata=None, contiguous=False)
    with tifffile.TiffFile(path) as tif:
        path_end = tif.pages[2].offset
    path.write_bytes(path.read_bytes()[:path_end])
    assert "is cut off" in refusal(path)


@pytest.mark.parametrize(("axes", "n_pages", "shape", "n_images"), [("C", 3, (3, 32, 40), 1), ("T", 3, (1, 32, 40), 3)])
def test_a_stopped_acquisition_gives_what_is_there(tmp_path, axes, n_pages, shape, n_images):
    pixels, path = noise(n_pages, 32, 40), tmp_path / "a.ome.tif"
    sizes = {"C": 1, "T": 1, axes: 5}
    channels = "".join(f'<Channel ID="Channel:0:{i}" Name="stain {i}"/>' for i in range(sizes["C"]))
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        f'DimensionOrder="XYCZT" Type="uint16" SizeX="40" SizeY="32" SizeC="{sizes["C"]}" SizeZ="1" '
        f'SizeT="{sizes["T"]}">{channels}<TiffData/></Pixels></Image></OME>'
    )
    with tifffile.TiffWriter(path) as tif:
        for i, plane in enumerate(pixels):
            tif.write(plane, metadata=None, description=text if i == 0 else None, contiguous=False)
    slide = open_slide(path)
    assert (slide.info.shape, slide.info.n_times) == (shape, n_images)
    assert any("declares 5" in note for note in slide.info.notes)
    np.testing.assert_array_equal(slide.region(), pixels[: shape[0]])
    if axes == "C":
        assert slide.info.channels == ("stain 0", "stain 1", "stain 2")


def test_case_aborted_acquisition():
    slide = open_slide(shared_case("24-ome-text") / "aborted.ome.tif")
    assert slide.info.channels == ("DAPI", "GFP")
    assert "declares 3 channels and holds 2" in slide.info.notes[0]
    assert slide.region().mean(axis=(1, 2)).min() > 30
