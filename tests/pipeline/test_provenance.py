from hypothesis import given
from hypothesis import strategies as st

from cellapp.pipeline.provenance import peak_memory_mb, settings_digest
from cellapp.rendering.colours import CLASS_COLOURS, class_colour, rgb
from cellapp.settings import AnalyseSettings

seeds = st.builds(lambda seed, n: AnalyseSettings.model_validate({"seed": seed, "explain": {"n": n}}),
                  st.integers(0, 50), st.integers(0, 5))  # fmt: skip


@given(seeds, seeds)
def test_digests_are_equal_exactly_when_settings_are(one, two):
    assert (settings_digest(one) == settings_digest(two)) == (one == two)


@given(seeds)
def test_settings_survive_json_with_their_digest(settings):
    again = AnalyseSettings.model_validate_json(settings.model_dump_json())
    assert settings_digest(again) == settings_digest(settings)


def test_memory_is_measured():
    assert 10 < peak_memory_mb() < 1_000_000


@given(st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1, max_size=5))
def test_every_class_has_a_colour_of_its_own(names):
    classes = ("cancer", "normal", *names)
    colours = [class_colour(name, classes) for name in classes]
    assert len(set(colours)) == len(colours)


def test_fixed_classes_keep_their_colours():
    assert class_colour("cancer") == "#D55E00" == CLASS_COLOURS["cancer"]
    assert class_colour("normal", ("normal",)) == "#0072B2"
    assert rgb("#D55E00") == (213, 94, 0)
