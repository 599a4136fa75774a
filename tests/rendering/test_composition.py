import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.rendering.composition import Composition, as_text, from_text

channel = st.tuples(
    st.integers(0, 0xFFFFFF).map("#{:06X}".format), st.integers(0, 999), st.integers(1000, 65535), st.integers(2, 30)
)


@given(channels=st.lists(channel, min_size=1, max_size=6), hide=st.sets(st.integers(0, 5)))
def test_what_is_written_draws_the_same_picture(channels, hide):
    hidden = tuple(sorted(i for i in hide if i < len(channels)))
    before = Composition(
        tuple(c for c, *_ in channels),
        tuple((float(low), float(high)) for _, low, high, _ in channels),
        tuple(gamma / 10 for *_, gamma in channels),
        hidden,
    )
    after = from_text(as_text(before), len(channels))
    pixels = np.random.default_rng(0).integers(0, 2**16, (len(channels), 4, 4)).astype(np.uint16)
    np.testing.assert_array_equal(after.draw(pixels), before.draw(pixels))
    assert as_text(after) == as_text(before)


def test_each_channel_has_its_own_gamma():
    look = Composition(("#FF0000", "#00FF00"), ((0.0, 1.0), (0.0, 1.0)), (1.0, 0.5))
    red, green, _ = look.draw(np.full((2, 1, 1), 0.25, np.float32))[0, 0]
    assert (red, green) == (64, 128)


@pytest.mark.parametrize(
    "text", ["", "FF0000,0,1,1", "red,0,1,1;-", "FF0000,0,1;-", "FF0000,0,nan,1;-", "FF0000,0,1,0;-", "FF0000,0,1,x;-"]
)
def test_anything_else_is_refused_in_words(text):
    with pytest.raises(InputError, match="channel"):
        from_text(text, 2)
