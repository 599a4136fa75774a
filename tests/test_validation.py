"""What does not fit is said in one line, by the name the reader knows."""

import pytest

from cellapp.errors import InputError
from cellapp.settings import AnalyseSettings
from cellapp.settings_io import validated
from cellapp.synthetic.settings import SyntheticSettings


def said_of(content, *, model=AnalyseSettings, **options):
    with pytest.raises(InputError) as told:
        validated(model, content, **options)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_what_fits_is_built():
    assert validated(AnalyseSettings, {}) == AnalyseSettings()
    assert validated(AnalyseSettings, {"segment": {"tile_px": 512}}).segment.tile_px == 512


def test_a_value_that_does_not_fit_is_named_with_its_rule():
    said = said_of({"density": 2}, model=SyntheticSettings)
    assert said.startswith("density: ")
    assert said.endswith("; got 2")


def test_the_reader_knows_fields_by_other_names():
    said = said_of({"segment": {"min_size_px": -1}}, called="recipe 'a'", name=lambda field: field.replace("_", " "))
    assert said.startswith("recipe 'a', segment.min size px: ")


def test_contradictions_tell_the_rule_and_not_the_whole_tree():
    said = said_of({"preprocess": {"clip_low": 90, "clip_high": 10}})
    assert "clip_low must be below clip_high" in said
    assert "got {" not in said
