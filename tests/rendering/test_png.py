from io import BytesIO

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from cellapp.rendering.png import png_bytes

_SIDES = st.tuples(st.integers(1, 30), st.integers(1, 30), st.just(3))


@given(hnp.arrays(np.uint8, _SIDES))
def test_a_picture_comes_back_as_it_was_and_equal_ones_give_equal_bytes(picture):
    content = png_bytes(picture)
    with Image.open(BytesIO(content)) as stored:
        assert stored.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(stored), picture)
    assert content == png_bytes(np.asfortranarray(picture))
