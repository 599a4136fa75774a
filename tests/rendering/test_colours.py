from hypothesis import given
from hypothesis import strategies as st

from cellapp.rendering.colours import CLASS_COLOURS, class_colour, rgb


@given(st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1, max_size=5))
def test_every_class_has_a_colour_of_its_own(names):
    classes = ("cancer", "normal", *names)
    colours = [class_colour(name, classes) for name in classes]
    assert len(set(colours)) == len(colours)


def test_fixed_classes_keep_their_colours():
    assert class_colour("cancer") == "#D55E00" == CLASS_COLOURS["cancer"]
    assert class_colour("normal", ("normal",)) == "#0072B2"
    assert rgb("#D55E00") == (213, 94, 0)
