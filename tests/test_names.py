import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.files import clean_name, clean_text, safe_stem, unique_stems

HOSTILE = [
    "../../etc/passwd",
    "..\\..\\windows\\system32",
    "<script>alert(1)</script>.tif",
    "a\nb\r\nc\x00d.tif",
    "=cmd|'/c calc'!A1.tif",
    "\u202egnp.exe",
    "   ",
    "...",
    "/",
    "",
    "con.tif",
    "lpt1.v2.tif",
    "é" * 500 + ".tif",
    "细胞.png",
]


@given(st.text(max_size=300))
def test_a_clean_name_is_one_line_of_bounded_printable_text(name):
    cleaned = clean_name(name)
    assert 0 < len(cleaned) <= 200
    assert cleaned.isprintable()
    assert "/" not in cleaned
    assert "\\" not in cleaned
    assert clean_name(cleaned) == cleaned


@pytest.mark.parametrize("name", HOSTILE)
def test_a_stem_is_a_harmless_folder_name(name, tmp_path):
    folder = tmp_path / safe_stem(name)
    folder.mkdir()
    assert folder.parent == tmp_path
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,100}", folder.name)
    assert not re.fullmatch(r"con|lpt1", folder.name.split(".")[0], re.IGNORECASE), "a device on Windows"


@given(st.lists(st.sampled_from([*HOSTILE, "a.tif", "A.tif", "a.png", "a_2.tif"]), max_size=12))
def test_stems_never_meet_even_where_case_is_ignored(names):
    stems = unique_stems(names)
    assert len(stems) == len(names)
    assert len({stem.lower() for stem in stems}) == len(names)


def test_ordinary_names_stay_what_they_are():
    assert clean_name("C:\\data\\MCF7 day 2.ome.tif") == "MCF7 day 2.ome.tif"
    assert safe_stem("MCF7_day-2.ome.tif") == "MCF7_day-2"
    assert safe_stem("image.v2.tiff") == "image.v2"
    assert safe_stem("5 nM / 24 h") == "5_nM_24_h"
    assert clean_text("5 nM / 24 h") == "5 nM / 24 h"
    assert unique_stems(["x.tif", "y.tif", "x.png"]) == ("x", "y", "x_2")
