"""Scenes and time points by number, as people count them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.choice import choose, parse_number
from cellapp.types.image import ImageInfo, Selection

INFO = ImageInfo("a.lif", "lif", (1, 8, 9), "uint8", ("C1",), None, ((8, 9),), 72)


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=5), st.none() | st.integers(0, 5), st.none() | st.integers(0, 5)
)
def test_what_is_chosen_is_all_that_fits_in_the_order_of_the_file(n_times, scene, time):
    images = [
        replace(INFO, selection=Selection(s, t), n_scenes=len(n_times), n_times=n)
        for s, n in enumerate(n_times)
        for t in range(n)
    ]
    fits = [one for one in images if scene in (None, one.selection.scene) and time in (None, one.selection.time)]
    if fits:
        assert list(choose(images, scene, time)) == fits
    else:
        with pytest.raises(InputError, match=r"'a\.lif' has (one|\d+) (scene|time point)s?, no .* they count from 1"):
            choose(images, scene, time)


@given(st.integers(1, 10**6))
def test_numbers_count_from_one(number):
    assert parse_number(f" {number} ", "scene") == number - 1


def test_all_is_all():
    assert parse_number("All", "scene") is None


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "first", "", "1-3", "²"])
def test_anything_else_is_told(text):
    with pytest.raises(InputError, match="a scene is given by its number from 1, or all; got"):
        parse_number(text, "scene")
