"""Recipes are read as they were written; what does not fit is named in one line, by the name the reader knows."""

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.settings import AnalyseSettings
from cellapp.settings_io import read_toml, validated
from cellapp.synthetic.settings import SyntheticSettings

KEYS = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
PLAIN = st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(allow_nan=False, allow_infinity=False)
TABLES = st.dictionaries(KEYS, PLAIN | st.lists(PLAIN, max_size=3), max_size=4)


@given(content=st.dictionaries(KEYS, PLAIN | TABLES | st.lists(TABLES, min_size=1, max_size=3), max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(tomli_w.dumps(content), encoding="utf-8")
    assert read_toml(path) == content


@pytest.mark.parametrize("content", [None, b"a = ", b"\xff = 1"], ids=["absent", "broken", "no text"])
def test_what_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "recipe.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read the recipe .*recipe\.toml"):
        read_toml(path)


def message_of(content, *, model=AnalyseSettings, **options):
    with pytest.raises(InputError) as refused:
        validated(model, content, **options)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_what_fits_is_built():
    assert validated(AnalyseSettings, {}) == AnalyseSettings()
    assert validated(AnalyseSettings, {"segment": {"tile_px": 512}}).segment.tile_px == 512


def test_a_value_that_does_not_fit_is_named_with_its_rule():
    message = message_of({"density": 2}, model=SyntheticSettings)
    assert message.startswith("density: ")
    assert message.endswith("; got 2")


def test_the_reader_knows_fields_by_other_names():
    message = message_of(
        {"segment": {"min_size_px": -1}}, called="recipe 'a'", name=lambda field: field.replace("_", " ")
    )
    assert message.startswith("recipe 'a', segment.min size px: ")


def test_contradictions_tell_the_rule_and_not_the_whole_tree():
    message = message_of({"preprocess": {"clip_low": 90, "clip_high": 10}})
    assert "clip_low must be below clip_high" in message
    assert "got {" not in message
