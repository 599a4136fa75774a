"""Pixel sizes are micrometres, and only where somebody meant them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.images.formats.ome_xml import parse_ome
from cellapp.images.formats.pixel_size import PixelSize, from_resolution, mean_um, to_number, to_ome, to_um


@pytest.mark.parametrize(
    ("value", "unit", "um"),
    [
        (0.5, "µm", 0.5),
        ("0.5", "um", 0.5),
        (500, "nm", 0.5),
        (0.0005, "mm", 0.5),
        (5e-7, "m", 0.5),
        (5000, "Å", 0.5),
        (1, "inch", 25_400),
        (0.5, "Micron", 0.5),
        (0.5, "\\u00B5m", 0.5),
    ],
)
def test_units_of_length_convert(value, unit, um):
    assert to_um(value, unit) == pytest.approx(um)


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (None, "um"),
        (0, "um"),
        (-1, "um"),
        ("nan", "um"),
        ("inf", "um"),
        ("wide", "um"),
        (1, "pixel"),
        (1, ""),
        (1, None),
    ],
)
def test_what_is_no_length_is_unknown(value, unit):
    assert to_um(value, unit) is None


@given(um=st.floats(0.01, 15))
def test_resolution_tags_are_pixels_per_unit(um):
    for unit, per_unit in (("cm", 1e4 / um), ("inch", 25_400 / um)):
        assert from_resolution(per_unit, per_unit, unit, unit).um_per_px == pytest.approx(um)


@pytest.mark.parametrize("dpi", [1, 72, 96, 150, 300, 600, 1200])
def test_printers_resolutions_say_nothing_of_cells(dpi):
    assert from_resolution(dpi, dpi, "inch", "inch") == PixelSize()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0,325", 0.325),
        (" 0.325 ", 0.325),
        ("3,25e-1", 0.325),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("\u22122", -2.0),
        ("1 um", None),
        ("", None),
        ("nan", None),
        ("1,2,3", None),
        (None, None),
        (True, None),
    ],
)
def test_numbers_are_read_as_people_write_them(text, number):
    assert to_number(text) == number


def test_resolution_without_unit_or_value_says_nothing():
    assert from_resolution(2.0, 2.0, "", "") == PixelSize()
    assert from_resolution(0.0, 0.0, "cm", "cm") == PixelSize()


def test_oblong_pixels_are_told_and_squares_are_not():
    (note,) = PixelSize(0.2, 0.8).notes
    assert "0.2 um high and 0.8 um wide" in note
    assert "0.4 um" in note
    assert not PixelSize(0.5, 0.5001).notes
    assert not PixelSize(None, 0.5).notes


def test_oblong_pixels_keep_their_area():
    assert mean_um(0.2, 0.8) ** 2 == pytest.approx(0.2 * 0.8)
    assert mean_um(None, 0.8) == mean_um(0.8, None) == 0.8
    assert mean_um(None, None) is None


@given(um=st.floats(1e-3, 20))
def test_metadata_written_for_ome_are_read_back(um):
    attributes = " ".join(f'{key}="{value}"' for key, value in to_ome(um).items())
    (image,) = parse_ome(f"<OME><Image><Pixels {attributes}/></Image></OME>", "made").images
    assert image.um_per_px == pytest.approx(um)
    assert {value for key, value in to_ome(um).items() if key.endswith("Unit")} == {"µm"}
