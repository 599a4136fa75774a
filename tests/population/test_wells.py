"""Names of wells, alone and in names of images."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.population.wells import PLATES, Well, parse_well, plate_shape, wells_in

ON_A_PLATE = st.builds(Well, st.integers(0, 31), st.integers(0, 47))


@given(ON_A_PLATE)
def test_a_name_is_read_as_the_well_that_has_it(well):
    assert parse_well(well.name) == parse_well(well.name.lower()) == well
    assert wells_in(f"plate7_{well.name}_s2_w1.tif") == (well,)


@given(ON_A_PLATE, st.integers(1, 20), st.integers(1, 9))
def test_words_of_an_operetta_are_wells(well, field, channel):
    text = f"r{well.row + 1:02d}c{well.column + 1:02d}f{field:02d}p01-ch{channel}sk1fk1fl1"
    assert wells_in(text) == (well,)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("B03_f01_C2", ["B03"]),  # as instruments write it, beside a field and a channel
        ("b3 - field 2", ["B03"]),
        ("B-3", ["B03"]),
        ("A1_F1", ["A01", "F01"]),  # either may be the well
        ("experiment 12", []),
        ("slide2024", []),
        ("Z99", []),  # no plate has it
        ("AF48", ["AF48"]),
        ("", []),
    ],
)
def test_wells_in_names_of_images(text, names):
    assert [well.name for well in wells_in(text)] == names


@pytest.mark.parametrize("text", ["", "A", "A0", "7", "A49", "AG01", "well A1", "A1b"])
def test_what_is_no_well_is_refused_with_the_rule(text):
    with pytest.raises(InputError, match="row and column, A01 to AF48"):
        parse_well(text)


@given(st.lists(ON_A_PLATE, min_size=1, max_size=8))
def test_the_plate_has_all_wells_and_no_smaller_one_has(wells):
    rows, columns = plate_shape(wells)
    assert all(well.row < rows and well.column < columns for well in wells)
    smaller = PLATES[: PLATES.index((rows, columns))]
    assert all(any(w.row >= h or w.column >= c for w in wells) for h, c in smaller)
