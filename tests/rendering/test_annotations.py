import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.rendering.annotations import legend, one_line, scale_bar, signed_colours, squared, strip


@given(st.text(max_size=300))
def test_any_text_becomes_one_short_printable_line(text):
    line = one_line(text)
    assert len(line) <= 60
    assert line.isprintable()


@pytest.mark.parametrize("um_per_px", [1e-3, 0.108, 0.5, 1.0, 37.0])
def test_scale_bar_is_a_round_length_within_a_third(um_per_px):
    picture = scale_bar(np.zeros((200, 200, 3), np.uint8), um_per_px)
    longest = max(np.count_nonzero((row == 255).all(axis=1)) for row in picture[190:194])
    length_um = (longest - 1) * um_per_px
    mantissa = length_um / 10 ** np.floor(np.log10(length_um) + 1e-2)
    assert longest <= 200 / 3 + 2
    assert min(abs(mantissa - round_) / round_ for round_ in (1, 2, 5, 10)) < 0.1


def test_signed_scale_is_symmetric_and_white_at_zero():
    colours = signed_colours(np.array([-2.0, -1.0, 0.0, 1.0, 2.0]), 1.0)
    assert [tuple(colour) for colour in colours.tolist()] == [
        (0, 114, 178), (0, 114, 178), (255, 255, 255), (213, 94, 0), (213, 94, 0),
    ]  # fmt: skip
    assert (signed_colours(np.zeros(3), 0.0) == 255).all()


@given(st.integers(1, 40), st.integers(1, 40))
def test_squared_is_square(height, width):
    assert squared(np.full((height, width, 3), 9, np.uint8), 32).shape == (32, 32, 3)


def test_legend_wraps_and_strips_keep_their_width():
    entries = [("A", f"class {i}", "#000000") for i in range(12)]
    assert legend(300, entries).shape[0] > legend(4000, entries).shape[0]
    assert {strip(150, ["a" * 500, "b"]).shape[1], legend(150, entries).shape[1]} == {150}
