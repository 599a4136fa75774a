"""The pixel size of a TIFF: what was meant comes back from wherever it is written, and nothing unreadable refuses."""

import json

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.images.formats import tiff
from tests.paths import shared_case, shared_data

PIXELS = np.zeros((20, 30), np.uint8)


def size_of(path, **options):
    tifffile.imwrite(path, PIXELS, **options)
    return tiff.probe_all(path, path.name)[0].um_per_px


def aperio(number, *, before=""):
    return f"Aperio Image Library v11.2.1\r\n512x512 [0,0 512x512] JPEG/RGB|AppMag = 20|{before}MPP = {number}|Left = 1"


def in_inches(um, _):
    return {"resolution": (25_400 / um, 25_400 / um), "resolutionunit": "INCH"}


def in_centimetres(um, _):
    return {"resolution": (1e4 / um, 1e4 / um), "resolutionunit": "CENTIMETER"}


def in_millimetres(um, _):
    return {"resolution": (1e3 / um, 1e3 / um), "resolutionunit": 4}


def in_imagej(um, draw):
    unit = draw(st.sampled_from(["um", "micron", "\\u00B5m", "microns", "micrometer"]))
    return {"imagej": True, "resolution": (1 / um, 1 / um), "metadata": {"unit": unit}}


def in_imagej_nanometres(um, _):
    return {"imagej": True, "resolution": (1e-3 / um, 1e-3 / um), "metadata": {"unit": "nm"}}


def in_words(um, draw):
    words = draw(
        st.sampled_from(["MPP = {}", "mpp={}", "PixelSizeUm: {}", '{{"um_per_px": {}}}', "|MPP = {}|Left = 1"])
    )
    number = f"{um:.6f}"
    number = number.replace(".", ",") if draw(st.booleans()) and "{{" not in words else number
    return {"description": "made\n" + words.format(number), "metadata": None}


def in_ome(um, draw):
    factor, unit = draw(st.sampled_from([(1, "µm"), (1e3, "nm"), (1e-3, "mm")]))
    keys = {f"PhysicalSize{axis}": um * factor for axis in "XY"} | {f"PhysicalSize{axis}Unit": unit for axis in "XY"}
    return {"ome": True, "metadata": {"axes": "YX", **keys}}


WAYS = [in_inches, in_centimetres, in_millimetres, in_imagej, in_imagej_nanometres, in_words, in_ome]


@pytest.mark.parametrize("way", WAYS)
@given(data=st.data(), um=st.floats(0.05, 15))
@settings(max_examples=8, deadline=None)
def test_what_was_meant_comes_back(tmp_path, way, data, um):
    assert size_of(tmp_path / "a.tif", **way(um, data.draw)) == pytest.approx(um, rel=1e-3)


@pytest.mark.parametrize(
    ("description", "um"),
    [
        (aperio("0.4990"), 0.499),
        (aperio("0,4990"), 0.499),
        (aperio("0.25", before="Filename = MPP|"), 0.25),
        (aperio("unknown"), None),
        (aperio("0"), None),
        ("campp = 3", None),
        ("mpp-x=0.2 mpp-y=0.2", 0.2),
    ],
)
def test_words_of_a_description_are_read(tmp_path, description, um):
    assert size_of(tmp_path / "a.tif", description=description, metadata=None) == (um and pytest.approx(um))


@pytest.mark.parametrize(
    "options",
    [
        {"resolution": (300, 300), "resolutionunit": "INCH"},
        {"resolution": (1e4, 1e4), "resolutionunit": "NONE"},
        {"imagej": True, "resolution": (4, 4), "metadata": {"unit": "pixel"}},
        {"imagej": True, "resolution": (4, 4), "metadata": {"unit": "px"}},
        {"extratags": [(51123, 2, 0, json.dumps({"PixelSizeUm": 0}), True)]},
        {"extratags": [(34118, 1, 4, b"\xff\xfe\x00\x01", True)]},
        {},
    ],
)
def test_what_says_nothing_is_unknown_and_no_reason_to_refuse(tmp_path, options):
    assert size_of(tmp_path / "a.tif", **options) is None


def test_micro_manager_says_it_in_a_tag_of_its_own(tmp_path):
    tag = (51123, 2, 0, json.dumps({"PixelSizeUm": 0.325}), True)
    assert size_of(tmp_path / "a.tif", extratags=[tag]) == 0.325


def test_oblong_pixels_are_told(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, resolution=(1e4 / 0.2, 1e4 / 0.8), resolutionunit="CENTIMETER")
    (info,) = tiff.probe_all(tmp_path / "a.tif", "a.tif")
    assert info.um_per_px == pytest.approx(0.4)
    assert any("0.8 um high and 0.2 um wide" in note for note in info.notes)


def test_sizes_of_reported_cases_and_of_a_scanner():
    slide, comma = shared_case("11-svs") / "slide.svs", shared_case("10-ome-units") / "comma.ome.tif"
    scanned = shared_data("instrument_files/svs/CMU-1-Small-Region.svs")
    assert [tiff.probe_all(p, p.name)[0].um_per_px for p in (slide, comma, scanned)] == [0.499, 0.325, 0.499]
