"""What a run is said to take, against what runs of a known machine took."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.jobs.time_estimate import Estimate, expected_time, fit_rates
from cellapp.settings import AnalyseSettings
from cellapp.store import runs
from tests.pages.seeding import seed_image

DEFAULT = AnalyseSettings()


@pytest.fixture
def image(tmp_path):
    return seed_image(tmp_path, side=64).image


def sized(image, name, side_px):
    return replace(image, id=name, info=replace(image.info, shape=(image.info.shape[0], side_px, side_px)))


def took(run, *rows):
    """A run whose images took given seconds and have given numbers of cells."""
    made = [replace(run.images[0], image_id=name, n_cells=n, summary={"seconds": s}) for name, n, s in rows]
    return replace(run, images=tuple(made))


@pytest.fixture
def run(image):
    return runs.create_run(image.project_id, [image.id], DEFAULT)


def middle(estimate):
    return (estimate.low_s * estimate.high_s) ** 0.5


def test_nothing_known_is_not_guessed(image):
    assert expected_time([image], [image], [], DEFAULT) is None


def test_what_was_measured_is_said_again_and_twice_the_images_take_twice_the_time(image, run):
    earlier, twin = [took(run, (image.id, 1, 8.0))], replace(image, id="twin")
    assert middle(expected_time([image], [image], earlier, DEFAULT)) == pytest.approx(8.0)
    assert middle(expected_time([image, twin], [image, twin], earlier, DEFAULT)) == pytest.approx(16.0)


def test_runs_with_other_models_do_not_count(image, run):
    other = AnalyseSettings.model_validate({"classify": {"head": None}})
    earlier = [replace(took(run, (image.id, 1, 8.0)), settings=other)]
    assert expected_time([image], [image], earlier, DEFAULT) is None


def test_before_the_first_run_the_preview_is_scaled_up(image):
    small, large = (expected_time([image], [image], [], DEFAULT, preview_s_per_px=rate) for rate in (1e-6, 2e-6))
    assert middle(large) == pytest.approx(2 * middle(small))


def test_six_small_images_do_not_make_a_slide_take_hours(image, run):
    """Small images cost their fixed part; a rate per pixel taken from them said 2 h 15 min of a slide of 5 min."""
    small = [sized(image, f"small {i}", 256) for i in range(6)]
    slide = replace(sized(image, "slide", 2), info=replace(image.info, shape=(4, 22_656, 5_594)))
    earlier = [took(run, *((one.id, 12, 4.0 + 0.1 * i) for i, one in enumerate(small)))]
    found = expected_time([slide, *small], [slide, *small], earlier, DEFAULT)
    assert middle(found) < 45 * 60
    once = [*earlier, took(run, ("slide", 20_555, 300.0))]
    assert middle(expected_time([slide, *small], [slide, *small], once, DEFAULT)) == pytest.approx(324, rel=0.35)


@given(st.integers(0, 10_000), st.floats(0.2, 5), st.floats(0.2, 5), st.floats(0.2, 5))
def test_many_images_of_many_sizes_tell_the_rates_of_the_machine(seed, of_image, of_px, of_cell):
    rng = np.random.default_rng(seed)
    known = np.stack([np.ones(60), 10 ** rng.uniform(-1, 2.5, 60), 10 ** rng.uniform(0, 4, 60)], axis=1)
    took_s = known @ (np.array([1.5, 1.2, 0.015]) * (of_image, of_px, of_cell)) * rng.uniform(0.9, 1.1, 60)
    again = known @ fit_rates(known, took_s)
    assert np.median(np.abs(again / took_s - 1)) < 0.15
    assert (fit_rates(known, took_s) >= 0).all()


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(240, 360, "4 to 6 min"), (31, 33, "30 s"), (80, 150, "80 s to 2 min"), (5000, 9000, "83 min to 2.5 h")],
)
def test_a_range_is_said_in_words(low, high, said):
    assert str(Estimate(low, high)) == said
