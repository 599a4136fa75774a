import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.store.json_values import json_mapping, plain_text

pytestmark = pytest.mark.slow

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@pytest.fixture(autouse=True)
def _on_every_database():
    """Nothing here needs a database."""


@given(st.dictionaries(st.text(), VALUES))
def test_whatever_goes_in_is_json_that_every_database_takes(values):
    text = json.dumps(json_mapping(values), allow_nan=False, ensure_ascii=False)
    assert "\x00" not in text
    assert json.loads(text) == json_mapping(values)


@given(st.dictionaries(st.text("xyz"), st.integers() | st.text("abc") | st.booleans()))
def test_plain_values_are_not_touched(values):
    assert json_mapping(values) == values


def test_numbers_of_numpy_become_ordinary_ones():
    plain = json_mapping({"n": np.int32(3), "x": np.float32(0.5), "yes": np.bool_(True), "none": np.float64(math.nan)})
    assert plain == {"n": 3, "x": 0.5, "yes": True, "none": None}
    assert [type(value) for value in plain.values()] == [int, float, bool, type(None)]


def test_what_has_no_json_form_is_a_defect():
    with pytest.raises(TypeError, match="object has no JSON form"):
        json_mapping({"x": object()})


def test_text_loses_only_nul():
    assert plain_text("a\x00b\n<") == "ab\n<"
    assert plain_text(None) is None
