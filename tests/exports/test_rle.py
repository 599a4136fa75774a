"""Run-length codes equal a slow reference both ways, and come back exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cellapp.errors import InputError
from cellapp.exports.rle import (
    COLUMNS_FROM_1,
    ROWS,
    ROWS_FROM_1,
    RunOrder,
    decode_labels,
    encode_labels,
    encode_mask,
)

SIDES = st.integers(1, 9)
MASKS = st.tuples(SIDES, SIDES).flatmap(lambda shape: arrays.arrays(bool, shape))
LABELS = st.tuples(SIDES, SIDES).flatmap(lambda shape: arrays.arrays(np.int32, shape, elements=st.integers(0, 3)))
ORDERS = st.sampled_from([ROWS, ROWS_FROM_1, COLUMNS_FROM_1, RunOrder(down_columns=True)])
law = settings(max_examples=60, deadline=None)


def decode_mask(text, shape, order=ROWS):
    return decode_labels({1: text}, shape, order) > 0


def pixels_in_order(mask, order):
    """Every pixel, one after the other, as a person would read them."""
    height, width = mask.shape
    if order.down_columns:
        return [bool(mask[y, x]) for x in range(width) for y in range(height)]
    return [bool(mask[y, x]) for y in range(height) for x in range(width)]


def slow_encode(mask, order):
    words, start = [], None
    for at, inside in enumerate([*pixels_in_order(mask, order), False]):
        if inside and start is None:
            start = at
        if not inside and start is not None:
            words += [start + order.first, at - start]
            start = None
    return " ".join(map(str, words))


@law
@given(mask=MASKS, order=ORDERS)
def test_codes_equal_the_reference_and_come_back(mask, order):
    code = encode_mask(mask, order)
    assert code == slow_encode(mask, order)
    assert np.array_equal(decode_mask(code, mask.shape, order), mask)


@law
@given(labels=LABELS, order=ORDERS)
def test_each_cell_has_its_code(labels, order):
    codes = encode_labels(labels, order)
    assert codes == {one: slow_encode(labels == one, order) for one in np.unique(labels[labels > 0])}
    assert np.array_equal(decode_labels(codes, labels.shape, order), labels)


@pytest.mark.parametrize("order", [ROWS, ROWS_FROM_1, COLUMNS_FROM_1])
@pytest.mark.parametrize("corner", ["first", "last", "both"])
def test_runs_at_the_first_and_the_last_pixel_are_kept(order, corner):
    mask = np.zeros((3, 4), bool)
    mask.flat[{"first": [0], "last": [-1], "both": [0, -1]}[corner]] = True
    assert encode_mask(mask, order) == slow_encode(mask, order) != ""
    assert np.array_equal(decode_mask(encode_mask(mask, order), mask.shape, order), mask)


def test_the_two_ways_of_counting():
    mask = np.array([[1, 1, 0], [0, 1, 0]])
    assert encode_mask(mask, ROWS) == "0 2 4 1"
    assert encode_mask(mask, ROWS_FROM_1) == "1 2 5 1"
    assert encode_mask(mask, COLUMNS_FROM_1) == "1 1 3 2"


def test_empty_and_full():
    empty, full = np.zeros((2, 5), np.uint8), np.full((2, 5), 255, np.uint8)
    assert (encode_mask(empty), encode_labels(empty)) == ("", {})
    assert (encode_mask(full), encode_mask(full, COLUMNS_FROM_1)) == ("0 10", "1 10")
    assert not decode_mask(" ", (2, 5)).any()
    assert encode_mask(np.zeros((0, 4))) == ""


def test_ids_beyond_eight_and_sixteen_bits_are_kept():
    labels = np.int32([[256, 0, 512], [65_536, 65_536, 0]])
    assert encode_labels(labels) == {256: "0 1", 512: "2 1", 65_536: "3 2"}


def test_a_long_code_is_whole():
    """More than a thousand numbers: none of them become dots."""
    mask = np.arange(60 * 61).reshape(60, 61) % 2 == 0
    assert len(encode_mask(mask).split()) == 3_660


def test_the_first_of_two_cells_keeps_what_they_share():
    assert decode_labels({1: "0 3", 2: "2 2"}, (1, 4)).tolist() == [[1, 1, 1, 2]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 2 4", "pairs"),
        ("0 2.5", "whole numbers"),
        ("0 -1", "whole numbers"),
        ("[0 2]", "whole numbers"),
        ("0 " + "9" * 30, "whole numbers"),
        ("0 0", "at least one pixel"),
        ("5 2", "length 2"),
        ("6 1", "start 6"),
    ],
)
def test_what_is_no_code_is_refused(text, said):
    with pytest.raises(InputError, match=said) as refused:
        decode_mask(text, (2, 3))
    assert "\n" not in str(refused.value)


def test_a_code_that_counts_from_one_has_no_pixel_zero():
    with pytest.raises(InputError, match="from 1 to 6"):
        decode_mask("0 1", (2, 3), COLUMNS_FROM_1)


def test_several_planes_are_refused():
    with pytest.raises(InputError, match="one plane"):
        encode_labels(np.zeros((1, 2, 3), int))
