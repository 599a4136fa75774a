"""PNG, JPEG and BMP in all their modes."""

import threading

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from cellapp.images.formats.raster import DecodedOnce
from cellapp.images.read import open_slide
from tests.images.slides import noise


def saved(tmp_path, picture: Image.Image, kind: str = "png", **options):
    path = tmp_path / f"picture.{kind}"
    picture.save(path, **options)
    return open_slide(path)


@pytest.mark.parametrize(
    ("kind", "mode"), [("png", "L"), ("png", "RGB"), ("bmp", "L"), ("bmp", "RGB"), ("jpeg", "RGB")]
)
def test_pixels_are_those_of_the_reference_reader(tmp_path, kind, mode):
    pixels = noise(20, 30, *((3,) if mode == "RGB" else ()), dtype="uint8")
    slide = saved(tmp_path, Image.fromarray(pixels, mode), kind)
    expected = np.asarray(Image.open(tmp_path / f"picture.{kind}"))
    np.testing.assert_array_equal(slide.region(), np.atleast_3d(expected).transpose(2, 0, 1))


@pytest.mark.parametrize("n_samples", [1, 2, 3, 4])
def test_16_bit_png_keeps_16_bits_and_drops_transparency(tmp_path, n_samples):
    pixels = noise(20, 30, n_samples)
    path = tmp_path / "deep.png"
    path.write_bytes(imagecodecs.png_encode(pixels.squeeze()))
    slide = open_slide(path)
    n_channels = n_samples - (n_samples in (2, 4))
    assert (slide.info.shape, slide.info.dtype) == ((n_channels, 20, 30), "uint16")
    np.testing.assert_array_equal(slide.region(), pixels[..., :n_channels].transpose(2, 0, 1))


@pytest.mark.parametrize(("mode", "n_channels"), [("LA", 1), ("RGBA", 3)])
def test_transparency_is_no_channel(tmp_path, mode, n_channels):
    pixels = noise(20, 30, len(mode), dtype="uint8")
    slide = saved(tmp_path, Image.fromarray(pixels, mode))
    assert slide.info.shape[0] == n_channels
    np.testing.assert_array_equal(slide.region(), pixels[..., :n_channels].transpose(2, 0, 1))


def test_palettes_are_resolved_to_the_colours_they_stand_for(tmp_path):
    gray, colour = (Image.fromarray(noise(20, 30, dtype="uint8") % 4, "P") for _ in range(2))
    gray.putpalette([0, 0, 0, 90, 90, 90, 180, 180, 180, 255, 255, 255])
    colour.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    for picture, mode in ((gray, "L"), (colour, "RGB")):
        slide = saved(tmp_path, picture)
        expected = np.atleast_3d(np.asarray(picture.convert(mode))).transpose(2, 0, 1)
        np.testing.assert_array_equal(slide.region(), expected)


def test_black_and_white_is_0_and_255(tmp_path):
    slide = saved(tmp_path, Image.fromarray(np.eye(9, dtype=bool)))
    assert (slide.info.shape, slide.info.dtype) == ((1, 9, 9), "uint8")
    assert np.unique(slide.region()).tolist() == [0, 255]


def test_a_cmyk_jpeg_becomes_red_green_blue(tmp_path):
    slide = saved(tmp_path, Image.new("CMYK", (30, 20), (0, 255, 255, 0)), "jpeg")
    red, green, blue = slide.region().mean(axis=(1, 2))
    assert red > 200 > 60 > max(green, blue)


def test_dpi_of_pictures_is_no_pixel_size(tmp_path):
    assert saved(tmp_path, Image.new("L", (30, 20)), dpi=(50_000, 50_000)).info.um_per_px is None


def test_decoding_happens_once_for_many_threads():
    calls = []

    def decode() -> np.ndarray:
        calls.append(1)
        return np.arange(12).reshape(3, 4)

    array = DecodedOnce(np.dtype(int), decode)
    threads = [threading.Thread(target=lambda: array[:, :2]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert array[1, 2] == 6
    assert calls == [1]
