"""Groups have a word whatever their column is called: plain nouns are counted, everything else is quoted as it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.evaluation.group_words import group_word


@pytest.mark.parametrize(
    ("column", "one", "several"),
    [
        (None, "cell", "cells"),
        ("image", "image", "images"),
        ("batch", "batch", "batches"),
        ("cell_line", "cell line", "cell lines"),
        ("acquisition", "acquisition", "acquisitions"),
        ("biopsy", "biopsy", "biopsies"),
        ("day", "day", "days"),
        ("mouse", "mouse", "mice"),
        ("slides", "slide", "slides"),
        ("dishes", "dish", "dishes"),
        ("focus", "focus", "focuses"),
        ("Patient", "Patient", "Patients"),
        ("series", "series", "series"),
        ("dose_uM", "group by dose_uM", "groups by dose_uM"),
        ("t2", "group by t2", "groups by t2"),
        ("Präparat", "group by Präparat", "groups by Präparat"),
        ("培養", "group by 培養", "groups by 培養"),
    ],
)
def test_one_and_several(column, one, several):
    assert (group_word(column, 1), group_word(column, 2)) == (one, several)


@given(st.text(min_size=1).filter(str.strip))
@settings(max_examples=60, deadline=None)
def test_any_name_has_words_that_can_be_recognised(column):
    start = column.strip().replace("_", " ")[:1]
    for n in (0, 1, 2):
        said = group_word(column, n)
        assert said == said.strip()
        assert start.strip("-") in said
        assert "values of" not in said
