"""A batch is told where there is one, on images that were not seen, and scaling does not look at them either."""

import numpy as np
import pytest

from cellapp.discovery.batches import check_column
from cellapp.discovery.corrections import Correction, correction_of, scaled_by
from cellapp.errors import InputError

N_IMAGES, PER_IMAGE = 12, 20
IMAGES = np.repeat([f"image {i}" for i in range(N_IMAGES)], PER_IMAGE)
BATCH = np.repeat(["day 1", "day 2"], N_IMAGES // 2 * PER_IMAGE)
LINE = np.repeat(np.tile(["a", "b"], N_IMAGES // 2), PER_IMAGE)


def cells(batch_effect=0.0, line_effect=0.0, image_effect=0.0, seed=0):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(len(IMAGES), 6))
    features += np.repeat(generator.normal(size=(N_IMAGES, 6)) * image_effect, PER_IMAGE, axis=0)
    features[:, 0] += batch_effect * (BATCH == "day 2")
    features[:, 1] += line_effect * (LINE == "b")
    return features


def test_a_batch_effect_is_told_and_scaling_takes_it_out_but_not_the_line():
    features = cells(batch_effect=8, line_effect=5)
    batch, line = check_column(features, BATCH, IMAGES), check_column(features, LINE, IMAGES)
    assert batch.held_out_accuracy > 0.95
    assert batch.mixing < 0.1
    assert line.held_out_accuracy > 0.95
    after = check_column(features, BATCH, IMAGES, correction=Correction(batches=BATCH))
    assert after.held_out_accuracy < 0.7
    assert after.mixing > 0.8
    assert after.silhouette < batch.silhouette
    assert check_column(features, LINE, IMAGES, correction=Correction(batches=BATCH)).held_out_accuracy > 0.95


def test_nothing_is_told_where_there_is_nothing():
    found = check_column(cells(), BATCH, IMAGES)
    assert abs(found.held_out_accuracy - 0.5) < 0.15
    assert found.chance == 0.5
    assert found.mixing > 0.9


def test_images_that_differ_are_no_batch_effect():
    features = cells(image_effect=6)
    of_image = check_column(features, IMAGES, IMAGES)
    assert of_image.held_out_accuracy is None
    assert "one image only" in of_image.reason
    assert check_column(features, LINE, IMAGES).held_out_accuracy < 0.85


def test_scaling_is_fitted_to_the_cells_it_is_told():
    features, fitted = cells(batch_effect=3), np.arange(len(IMAGES)) % 3 > 0
    scaled = scaled_by(features, BATCH, fitted)
    for name in ("day 1", "day 2"):
        np.testing.assert_allclose(scaled[fitted & (name == BATCH)].mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(scaled[fitted & (name == BATCH)].std(axis=0), 1)
    changed = features.copy()
    changed[~fitted] += 100
    np.testing.assert_array_equal(scaled_by(changed, BATCH, fitted)[fitted], scaled[fitted])


def test_few_values_and_few_cells():
    one = check_column(cells(), ["a"] * len(IMAGES), IMAGES)
    assert (one.held_out_accuracy, one.silhouette, one.mixing) == (None, None, None)
    with pytest.raises(InputError, match="no batch has two cells"):
        scaled_by(np.zeros((2, 3)), ["a", "b"])


def test_neighbours_are_accepted_where_batches_are_mixed_and_rejected_where_they_are_not():
    apart = check_column(cells(batch_effect=8), BATCH, IMAGES)
    mixed = check_column(cells(), BATCH, IMAGES)
    assert apart.accepted < 0.1
    assert mixed.accepted > 0.8
    assert check_column(cells(batch_effect=8), BATCH, IMAGES, correction=Correction(batches=BATCH)).accepted > 0.8


def test_what_controls_vary_in_is_taken_out_and_the_line_stays():
    features = cells(batch_effect=8, line_effect=5)
    control = correction_of({"line": LINE}, None, "line=a")
    assert (
        check_column(features, BATCH, IMAGES, correction=control).silhouette
        < check_column(features, BATCH, IMAGES).silhouette
    )
    assert check_column(features, LINE, IMAGES, correction=control).held_out_accuracy > 0.95


def test_controls_are_those_of_the_training_part():
    features, fitted = cells(batch_effect=3), np.arange(len(IMAGES)) % 3 > 0
    correction = Correction(controls=LINE == "a")
    changed = features.copy()
    changed[~fitted] *= 50
    np.testing.assert_array_equal(correction.apply(changed, fitted)[fitted], correction.apply(features, fitted)[fitted])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("day", None), "no column 'day'"),
        ((None, "line=c"), "names 0 cells"),
        (("line", "line=a"), "not by both"),
    ],
)
def test_corrections_that_cannot_be_are_said(asked, said):
    with pytest.raises(InputError, match=said):
        correction_of({"line": LINE}, *asked)
    assert correction_of({"line": LINE}, None, None) is None
