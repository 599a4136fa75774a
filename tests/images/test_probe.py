"""What a header says, and what is refused on its word alone."""

import struct
import tracemalloc

import numpy as np
import pytest
import tifffile
from PIL import Image

from cellapp.config import BudgetSettings
from cellapp.errors import BudgetError, InputError
from cellapp.files import IMAGE_SUFFIXES
from cellapp.images.probe import admit, probe, probe_all
from cellapp.types.image import Selection
from tests.images.slides import noise, ome_tiff


def claims(path, height: int, width: int):
    """Write a TIFF whose header claims a size that its few bytes do not hold."""
    tifffile.imwrite(path, np.zeros((1, 1), np.uint8), metadata=None)
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tif:
        tags = tif.pages[0].tags
        for code, value in ((256, width), (257, height), (278, height), (279, height * width)):
            content[tags[code].offset + 2 : tags[code].offset + 4] = struct.pack("<H", 4)
            content[tags[code].offset + 8 : tags[code].offset + 12] = struct.pack("<I", value % 2**32)
    path.write_bytes(content)
    return path


def test_ome_tiff_tells_names_pixel_size_and_levels(tmp_path):
    path = ome_tiff(
        tmp_path / "a.ome.tif",
        noise(4, 200, 300),
        ["actin", "cytoplasm", "nucleus", "orange"],
        levels=3,
        PhysicalSizeX=500,
        PhysicalSizeXUnit="nm",
        PhysicalSizeY=0.5,
    )
    info = probe(path)
    assert (info.format, info.shape, info.dtype) == ("ome-tiff", (4, 200, 300), "uint16")
    assert info.channels == ("actin", "cytoplasm", "nucleus", "orange")
    assert info.levels == ((200, 300), (100, 150), (50, 75))
    assert info.um_per_px == pytest.approx(0.5)
    assert info.bytes_on_disk == path.stat().st_size
    assert info.name == "a.ome.tif"


def test_imagej_tiff_tells_pixel_size_and_labels(tmp_path):
    path = tmp_path / "ij.tif"
    metadata = {"axes": "CYX", "unit": "micron", "Labels": ["DAPI", "GFP"]}
    tifffile.imwrite(path, noise(2, 30, 40), imagej=True, resolution=(4.0, 4.0), metadata=metadata)
    info = probe(path, "as the user calls it")
    assert info.um_per_px == pytest.approx(0.25)
    assert info.channels == ("DAPI", "GFP")
    assert (info.name, info.format) == ("as the user calls it", "tiff")


@pytest.mark.parametrize(
    ("resolution", "unit", "um"),
    [((20_000, 20_000), "CENTIMETER", 0.5), ((72, 72), "INCH", None), ((1, 1), "NONE", None), (None, None, None)],
)
def test_plain_tiff_resolution_is_believed_only_when_microscopic(tmp_path, resolution, unit, um):
    path = tmp_path / "plain.tif"
    tifffile.imwrite(path, noise(30, 40), metadata=None, resolution=resolution, resolutionunit=unit)
    assert probe(path).um_per_px == (um and pytest.approx(um))


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp"])
def test_pictures_are_recognised_under_any_name(tmp_path, kind):
    path = tmp_path / "picture.czi"
    Image.fromarray(noise(20, 30, 3, dtype="uint8")).save(path, format=kind)
    info = probe(path)
    assert (info.format, info.shape, info.channels) == (kind, (3, 20, 30), ("red", "green", "blue"))
    assert info.um_per_px is None


def test_several_images_in_one_file_are_all_listed(tmp_path):
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(noise(30, 40))
        tif.write(noise(11, 12))
    images = probe_all(path)
    assert [info.shape for info in images] == [(1, 30, 40), (1, 11, 12)]
    assert [info.title for info in images] == ["two.tif · s01", "two.tif · s02"]
    assert [info.suffix for info in images] == ["__s01", "__s02"]
    assert [probe(path, selection=info.selection) for info in images] == list(images)


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(scene=2), r"2 scenes \(s01, s02\), no scene 3"),
        (Selection(time=1), "one time point, no time point 2"),
    ],
)
def test_an_image_that_is_not_there_is_refused_with_what_is(tmp_path, selection, words):
    with tifffile.TiffWriter(tmp_path / "two.tif") as tif:
        tif.write(noise(30, 40))
        tif.write(noise(11, 12))
    with pytest.raises(InputError, match=words):
        probe(tmp_path / "two.tif", selection=selection)


def test_a_huge_header_is_refused_with_the_number_and_the_variable(tmp_path):
    path = claims(tmp_path / "huge.tif", 100_000, 100_000)
    with pytest.raises(BudgetError) as refused:
        admit(path)
    message = str(refused.value)
    assert "10,000,000,000" in message
    assert "100,000 x 100,000" in message
    assert "CELLAPP_BUDGET__MAX_PIXELS=" in message
    assert "\n" not in message


def test_a_huge_picture_is_refused_by_our_number_and_not_by_pillow(tmp_path):
    path = tmp_path / "huge.png"
    Image.fromarray(np.zeros((1, 1), np.uint8)).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 100_000, 100_000)
    content[29:33] = struct.pack(">I", __import__("zlib").crc32(content[12:29]))
    path.write_bytes(content)
    with pytest.raises(BudgetError, match="CELLAPP_BUDGET__MAX_PIXELS"):
        admit(path)


def test_the_budget_can_be_raised_by_what_the_message_says(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(30, 40))
    with pytest.raises(BudgetError) as refused:
        admit(path, budget=BudgetSettings(max_pixels=1000))
    raised = int(str(refused.value).rsplit("=", 1)[1])
    assert admit(path, budget=BudgetSettings(max_pixels=raised)).pixels == 1200


def test_probing_decodes_nothing(tmp_path):
    path = tmp_path / "large.tif"
    tifffile.imwrite(path, np.zeros((2000, 3000), np.uint16), compression="zlib", tile=(256, 256))
    probe(path)  # imports and caches of the library are not what is measured
    tracemalloc.start()
    probe(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("keep", [0.2, 0.6, 0.95])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "tile": (64, 64)}], ids=["strip", "tiles"])
def test_a_truncated_tiff_is_refused(tmp_path, keep, options):
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, noise(200, 300), **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(InputError) as refused:
        admit(path)
    assert "cut off" in str(refused.value) or "damaged" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_tiff_that_ends_before_its_directory_is_refused(tmp_path):
    path = tmp_path / "stub.tif"
    path.write_bytes(b"II*\0\x08\0\0\0")
    with pytest.raises(InputError):
        probe(path)


def test_pixels_in_another_file_are_refused(tmp_path):
    path = ome_tiff(tmp_path / "first.ome.tif", noise(1, 64, 64), ["a"])
    with tifffile.TiffFile(path) as tif:
        xml = tif.ome_metadata
    uuid = "urn:uuid:00000000-0000-0000-0000-000000000001"
    away = xml.replace('SizeC="1"', 'SizeC="2"').replace(
        "</Pixels>",
        f'<TiffData FirstC="1" IFD="0" PlaneCount="1"><UUID FileName="gone.ome.tif">{uuid}</UUID></TiffData></Pixels>',
    )
    tifffile.tiffcomment(path, away.encode())
    with pytest.raises(InputError, match=r"not beside it: 'gone\.ome\.tif'"):
        admit(path)


def test_complex_pixels_are_refused(tmp_path):
    path = tmp_path / "complex.tif"
    tifffile.imwrite(path, np.zeros((8, 8), np.complex64))
    with pytest.raises(InputError, match="complex64"):
        probe(path)


def test_suffixes_cover_what_folders_hold():
    assert {".tif", ".png", ".czi", ".nd2", ".lif", ".zarr"} <= IMAGE_SUFFIXES
    assert all(suffix == suffix.lower() for suffix in IMAGE_SUFFIXES)
