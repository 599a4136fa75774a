"""Pictures whose data end early are refused, also where their last bytes look whole."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cellapp.errors import InputError
from cellapp.images.probe import admit, admit_all
from cellapp.images.read import open_slide
from tests.images.slides import noise


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(path, n_rows: int, *, height: int, depth: int, colour_type: int, n_samples: int):
    """Write a PNG whose data are those of its first rows; all of its chunks are whole."""
    row = bytes(1 + (40 * depth * n_samples + 7) // 8)
    header = struct.pack(">IIBBBBB", 40, height, depth, colour_type, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(range(12))) if colour_type == 3 else b""
    data = chunk(b"IHDR", header) + palette + chunk(b"IDAT", zlib.compress(row * n_rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return open_slide(path)


@pytest.mark.parametrize(
    ("depth", "colour_type", "n_samples"),
    [(1, 0, 1), (8, 0, 1), (16, 0, 1), (8, 2, 3), (16, 2, 3), (2, 3, 1), (8, 4, 2), (8, 6, 4)],
)
def test_a_png_needs_all_of_its_rows(tmp_path, depth, colour_type, n_samples):
    kind = {"height": 30, "depth": depth, "colour_type": colour_type, "n_samples": n_samples}
    assert png(tmp_path / "whole.png", 30, **kind).region().shape[1:] == (30, 40)
    with pytest.raises(InputError, match=r"'cut\.png' is damaged"):
        png(tmp_path / "cut.png", 17, **kind).region()


def test_an_interlaced_png_is_whole(tmp_path):
    # As libpng writes it: seven passes of every 8th, 4th, 2nd pixel.
    pixels = noise(13, 11, dtype="uint8")
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = [b"\0" + row.tobytes() for y, x, down, across in passes for row in pixels[y::down, x::across]]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 11, 13, 8, 0, 0, 0, 1))
    for n_left_out, ends_early in ((0, False), (1, True)):
        data = chunk(b"IDAT", zlib.compress(b"".join(rows[: len(rows) - n_left_out])))
        (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b""))
        if ends_early:
            with pytest.raises(InputError, match="damaged"):
                open_slide(tmp_path / "a.png").region()
        else:
            np.testing.assert_array_equal(open_slide(tmp_path / "a.png").region()[0], pixels)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_jpeg_needs_data_for_all_of_its_blocks(tmp_path, mode):
    shape = (64, 64, 3) if mode == "RGB" else (64, 64)
    stored = io.BytesIO()
    Image.fromarray(noise(*shape, dtype="uint8")).save(stored, "jpeg")
    content = stored.getvalue()
    (tmp_path / "cut.jpg").write_bytes(content[: len(content) * 2 // 3] + b"\xff\xd9")
    with pytest.raises(InputError, match=r"'cut\.jpg' is damaged: its data end before its last row"):
        open_slide(tmp_path / "cut.jpg").region()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_jpeg_that_ends_in_gray_is_whole(tmp_path, mode):
    shape = (64, 64, 3) if mode == "RGB" else (64, 64)
    pixels = noise(*shape, dtype="uint8")
    pixels[30:] = 128
    Image.fromarray(pixels).save(tmp_path / "gray.jpg")
    assert (open_slide(tmp_path / "gray.jpg").region()[:, -1, -1] == 128).all()


FORMATS = {"png": "png", "jpg": "jpeg", "bmp": "bmp"}


@settings(max_examples=15)
@given(share=st.floats(0.3, 0.95), ending=st.sampled_from(sorted(FORMATS)), dtype=st.sampled_from(["uint8", "uint16"]))
def test_a_picture_that_is_cut_off_is_refused_before_it_is_stored(tmp_path, share, ending, dtype):
    gray = dtype == "uint16" and ending == "png"
    pixels = noise(40, 50, dtype=dtype) if gray else noise(40, 50, 3, dtype="uint8")
    path = tmp_path / f"a.{ending}"
    Image.fromarray(pixels).save(path)
    assert len(admit_all(path)) == 1
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    for check in (admit_all, admit):
        with pytest.raises(InputError, match=rf"'a\.{ending}' is damaged"):
            check(path)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("behind", [b"", b"\0" * 100_000, b"notes of a camera"])
def test_what_stands_behind_a_picture_is_no_damage(tmp_path, ending, behind):
    path = tmp_path / f"a.{ending}"
    Image.fromarray(noise(40, 50, 3, dtype="uint8")).save(path)
    path.write_bytes(path.read_bytes() + behind)
    assert len(admit_all(path)) == 1


def test_a_picture_that_lacks_nothing_but_its_end_is_read(tmp_path):
    Image.fromarray(noise(40, 50, 3, dtype="uint8")).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:-12])
    assert open_slide(tmp_path / "a.png").region().shape == (3, 40, 50)
