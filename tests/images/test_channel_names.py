"""Channel names are distinct, printable, and never invented twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.channel_names import channel_phrase, check_names, clean_names, default_names


@given(n=st.integers(1, 40))
def test_default_names_are_one_per_channel_and_distinct(n):
    assert len(set(default_names(n))) == len(default_names(n)) == n


def test_only_a_photo_has_colours_for_names():
    assert default_names(3, is_photo=True) == ("red", "green", "blue")
    assert default_names(3) == ("channel 1", "channel 2", "channel 3")
    assert default_names(1) == ("gray",)


@given(n=st.integers(2, 40), name=st.sampled_from(("actin", "DAPI", "channel 3 (DAPI)", "Channel B")))
def test_a_channel_is_called_one_once_in_a_sentence(n, name):
    for one in (*default_names(n), name):
        said = channel_phrase(one)
        assert said.lower().count("channel") == 1
        assert said.endswith(one)


@given(found=st.lists(st.one_of(st.none(), st.text(max_size=8)), min_size=1, max_size=8))
def test_names_of_a_file_become_presentable(found):
    names = clean_names(found, len(found))
    assert len(set(names)) == len(names) == len(found)
    assert all(name and name.isprintable() and name == name.strip() for name in names)
    assert check_names(names, len(found)) == names


def test_names_are_kept_as_they_are_where_they_can_be():
    assert clean_names(["DAPI", "GFP\n(actin)", "DAPI", None], 4) == ("DAPI", "GFP (actin)", "DAPI 2", "channel 4")


@pytest.mark.parametrize("found", [[], ["a"], ["a", "b", "c"], [None, None], ["", ""]])
def test_lists_that_do_not_fit_are_not_believed(found):
    assert clean_names(found, 2) == ("channel 1", "channel 2")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("a",), "2 channels need 2 names; got 1"),
        (("a", " "), "channel 2 has no name"),
        (("a", "a "), "'a' occurs more than once"),
    ],
)
def test_typed_names_are_refused_when_they_do_not_fit(names, words):
    with pytest.raises(InputError, match=words):
        check_names(names, 2)
