"""A resize by matrices is that of scikit-image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.transform import resize

from cellapp.cells.linear_resize import resized, scaling

SIDE = st.integers(1, 90)


@given(shape=st.tuples(SIDE, SIDE), to=st.tuples(SIDE, SIDE), anti_aliased=st.booleans())
@settings(max_examples=200, deadline=None)
def test_it_is_the_resize_of_scikit_image(shape, to, anti_aliased):
    picture = np.random.default_rng(0).random(shape)
    rows, columns = (scaling(n, m, anti_aliased=anti_aliased) for n, m in zip(shape, to, strict=True))
    expected = resize(picture, to, order=1, anti_aliasing=anti_aliased, preserve_range=True, clip=False)
    np.testing.assert_allclose(resized(picture[None], rows, columns)[0], expected, atol=1e-9)


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (1, 7), (7, 1), (60, 64), (64, 64), (300, 64)])
def test_an_even_picture_stays_even(n_in, n_out):
    matrix = scaling(n_in, n_out, anti_aliased=True).toarray()
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    assert (matrix >= 0).all()
    if n_in == n_out:
        np.testing.assert_array_equal(matrix, np.eye(n_in))
