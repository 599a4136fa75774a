import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw, ImageFont

from cellapp.rendering.annotations import (
    cell_outline,
    class_letters,
    draw_outlines,
    legend,
    magnify,
    mark,
    one_line,
    outcome_letter,
    scale_bar,
    signed_colours,
    squared,
    strip,
)
from tests.cells.toy import label_arrays
from tests.images.slides import noise

LABELS = np.zeros((12, 12), np.int32)
LABELS[2:10, 2:6], LABELS[2:10, 6:10] = 5, 900_000_001


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


@given(names=st.lists(st.text("abcuABU ", min_size=1, max_size=4), min_size=1, max_size=9, unique=True))
def test_a_class_has_one_letter_in_whatever_order_classes_come_and_u_is_unsure(names):
    letters = class_letters(names)
    assert letters == class_letters(names[::-1])
    assert "U" not in letters.values()
    assert outcome_letter("unsure", names) == "U"
    assert [outcome_letter(name, names) for name in names] == [letters[name] for name in names]
    assert outcome_letter("rejected", names) not in letters.values()


@given(names=st.lists(st.text(max_size=8), max_size=20, unique=True))
def test_every_class_gets_one_sign_of_its_own_while_there_are_letters(names):
    letters = class_letters(names)
    assert list(letters) == names
    assert all(len(letter) >= 1 for letter in letters.values())
    chosen = [letter for letter in letters.values() if letter != "*"]
    assert len(set(chosen)) == len(chosen)


def test_letters_are_those_of_the_names_where_they_are_free():
    assert class_letters(["cancer", "control", "normal"]) == {"cancer": "C", "control": "O", "normal": "N"}


def test_a_mark_is_written_where_it_is_asked_for_and_nowhere_else():
    picture = np.full((60, 80, 3), 90, np.uint8)
    marked = mark(picture, [(20.0, 30.0, "C")])
    changed = np.argwhere((marked != picture).any(axis=2))
    assert len(changed)
    np.testing.assert_allclose(changed.mean(axis=0), (30, 20), atol=3)
    np.testing.assert_array_equal(mark(picture, []), picture)


@pytest.mark.parametrize("text", ["cell 7: cancer", "p(normal) 0.98", ""])
def test_a_text_drawn_again_is_the_one_that_the_typeface_renders(text):
    canvas = Image.new("RGB", (120, 22), "#FFFFFF")
    ImageDraw.Draw(canvas).text((4, 2), text, fill="#1A1A1A", font=ImageFont.load_default(13))
    for _ in range(2):
        np.testing.assert_array_equal(strip(120, [text]), np.asarray(canvas))


@given(height=st.integers(1, 6), width=st.integers(1, 6), factor=st.integers(1, 5))
def test_magnified_pixels_are_blocks(height, width, factor):
    array = np.arange(height * width).reshape(height, width)
    large = magnify(array, factor)
    assert large.shape == (height * factor, width * factor)
    np.testing.assert_array_equal(large[::factor, ::factor], array)
    np.testing.assert_array_equal(large[factor - 1 :: factor, factor - 1 :: factor], array)


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), limit=st.floats(0.1, 1e3))
def test_values_beyond_the_scale_have_its_end_colours(values, limit):
    colours = signed_colours(np.array(values), limit)
    clipped = signed_colours(np.clip(values, -limit, limit), limit)
    np.testing.assert_array_equal(colours, clipped)


@given(labels=label_arrays(), opacity=st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_outlines_change_pixels_of_drawn_cells_only(labels, opacity):
    picture = np.full((*labels.shape, 3), 100, np.uint8)
    drawn = draw_outlines(picture, labels, {1: "#FFFFFF", 3: "#000000"}, opacity)
    assert (picture == 100).all(), "the picture was written to"
    changed = (drawn != picture).any(axis=2)
    assert set(np.unique(labels[changed])) <= {1, 3}


@given(labels=label_arrays())
@settings(max_examples=30, deadline=None)
def test_an_outlined_pixel_touches_another_label(labels):
    drawn = draw_outlines(np.zeros((*labels.shape, 3), np.uint8), labels, "#FFFFFF")
    padded = np.pad(labels, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(*labels.shape, 9)
    edge = (windows != labels[..., None]).any(axis=2) & (labels != 0)
    np.testing.assert_array_equal((drawn == 255).all(axis=2), edge)


def test_outlines_lie_inside_so_that_touching_cells_stay_apart():
    drawn = draw_outlines(np.zeros((12, 12, 3), np.uint8), LABELS, {5: "#FF0000", 900_000_001: "#00FF00"})
    assert (drawn[2:10, 5] == (255, 0, 0)).all()
    assert (drawn[2:10, 6] == (0, 255, 0)).all()
    assert not drawn[3:9, 3:5].any()
    assert not drawn[LABELS == 0].any()


def test_only_named_cells_are_drawn_and_one_colour_draws_all():
    blank = np.zeros((12, 12, 3), np.uint8)
    assert set(np.unique(LABELS[draw_outlines(blank, LABELS, {5: "#FF0000", 77: "#FFFFFF"}).any(axis=2)])) == {5}
    assert set(np.unique(LABELS[draw_outlines(blank, LABELS, "#FFFFFF").any(axis=2)])) == {5, 900_000_001}
    assert not draw_outlines(blank, LABELS, {}).any()


def test_zero_cells_leave_the_picture_and_opacity_mixes():
    picture = noise(12, 12, 3, dtype="uint8")
    before = picture.copy()
    np.testing.assert_array_equal(draw_outlines(picture, np.zeros_like(LABELS), "#FFFFFF"), picture)
    np.testing.assert_array_equal(draw_outlines(picture, LABELS, "#FFFFFF", 0.0), picture)
    half = draw_outlines(np.zeros((12, 12, 3), np.uint8), LABELS, "#FF0000", 0.5)
    assert half.max() == 128
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("width_px", [1, 2, 3])
def test_lines_are_as_wide_as_asked(width_px):
    labels = np.zeros((40, 40), np.uint16)
    labels[5:35, 5:35] = 1
    drawn = draw_outlines(np.zeros((40, 40, 3), np.uint8), labels, "#FFFFFF", width_px=width_px).any(axis=2)
    assert drawn[20].nonzero()[0].tolist() == [*range(5, 5 + width_px), *range(35 - width_px, 35)]


@settings(max_examples=25)
@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)), st.integers(1, 3))
def test_the_outline_of_one_cell_is_that_drawn_of_a_label_image(inside, width_px):
    drawn = draw_outlines(np.zeros((*inside.shape, 3), np.uint8), inside.astype(np.int32), "#FFFFFF", width_px=width_px)
    np.testing.assert_array_equal(cell_outline(inside, width_px), drawn.any(axis=2))
