"""Images find their wells by their names, or by the layout naming them."""

import pytest

from cellapp.errors import InputError
from cellapp.population.layout import Placed
from cellapp.population.placing import ImageNames, place
from cellapp.population.wells import parse_well


def names(name, *plates):
    return ImageNames(name, name, (name, *plates))


def line(well="", *, plate="", image="", treatment="drug"):
    return Placed(treatment, plate, parse_well(well) if well else None, image)


def test_images_are_found_by_their_well_and_several_are_of_one():
    layout = [line("A1"), line("B2"), line("C3")]
    placement = place([names("x_A01_s1"), names("x_A01_s2"), names("x_b2"), names("y")], layout, {})
    assert [one.where for one in placement.of_image.values()] == ["A01", "A01", "B02"]
    assert placement.unplaced == ("y",)
    assert [one.where for one in placement.empty] == ["C03"]


def test_of_several_plates_the_one_that_image_or_run_names():
    layout = [line("A1", plate="P1"), line("A1", plate="P2")]
    images = [names("P1_A01"), names("A01", "screen P2 repeat"), names("A01 again", "P10")]
    placement = place(images, layout, {})
    assert [one.plate for one in placement.of_image.values()] == ["P1", "P2"]
    assert placement.unplaced == ("A01 again",)


def test_a_line_that_names_an_image_decides():
    layout = [line("B2", image="one"), line("A1")]
    placement = place([names("x_A01"), names("y_A01")], layout, {"one": "y_A01"})
    assert {name: one.where for name, one in placement.of_image.items()} == {"x_A01": "A01", "y_A01": "B02"}


def test_a_name_that_says_two_wells_or_plates_is_refused():
    with pytest.raises(InputError, match="says wells A01 and F01; name it in a column 'image'"):
        place([names("A1_F1")], [line("A1"), line("F1")], {})
    with pytest.raises(InputError, match="may be of the plates P1, P2"):
        place([names("P1_P2_A01")], [line("A1", plate="P1"), line("A1", plate="P2")], {})


def test_a_word_that_the_layout_has_no_well_of_is_no_well():
    (found,) = place([names("A1_F1")], [line("A1")], {}).of_image.values()
    assert found.where == "A01"


def test_an_image_in_two_lines_is_refused():
    with pytest.raises(InputError, match="stands in two lines"):
        place([names("x")], [line("A1", image="x.tif"), line("A2", image="x")], {"x.tif": "x", "x": "x"})
