"""A column and clusters go together only if they do so across images."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency

from cellapp.discovery.cluster_table import cluster_table
from cellapp.errors import InputError

IMAGES = np.repeat([f"image {i}" for i in range(8)], 20)


def test_the_table_and_its_figures_are_those_of_scipy():
    generator = np.random.default_rng(0)
    labels, values = generator.integers(0, 3, 160), generator.choice(["a", "b"], 160)
    table = cluster_table(labels, values, IMAGES, "line")
    counts = pd.crosstab(labels, values).to_numpy()
    expected = chi2_contingency(counts, correction=False)
    np.testing.assert_array_equal(table.counts, counts)
    np.testing.assert_allclose(table.percent.sum(axis=1), 100)
    assert (table.chi_square, table.p_cells) == pytest.approx((expected.statistic, expected.pvalue))
    assert table.cramers_v == pytest.approx(np.sqrt(expected.statistic / 160))


def test_what_is_the_image_alone_is_not_taken_for_the_condition():
    labels = np.repeat([0, 1, 0, 0, 1, 1, 1, 1], 20)  # each image is one cluster
    values = np.repeat(["a", "b", "a", "b", "a", "b", "a", "b"], 20)
    table = cluster_table(labels, values, IMAGES, "treatment")
    assert table.p_cells < 0.01
    assert table.p_images > 0.05
    assert "need not go together" in table.sentence


def test_what_differs_in_every_image_is_found():
    labels = np.tile([0] * 10 + [1] * 10, 8)
    values = np.where(np.arange(160) % 20 < 9, "a", "b")  # classes within images
    table = cluster_table(labels, values, IMAGES, "class")
    assert table.p_images <= 0.01
    assert table.cramers_v > 0.8
    assert "go together" in table.sentence


def test_complete_agreement_of_images_and_condition_is_found():
    condition = np.repeat([0, 1], 80)
    table = cluster_table(condition, condition.astype(str), IMAGES, "line")
    assert table.cramers_v == pytest.approx(1)
    assert table.p_images <= 0.05


@pytest.mark.parametrize(
    ("images", "said"),
    [(np.repeat(["x", "y"], 80), "no value of line has two images"), (np.arange(160).astype(str), "is not known")],
)
def test_what_cannot_be_tested_is_said(images, said):
    condition = np.repeat([0, 1], 80)
    table = cluster_table(condition, condition.astype(str), images, "line")
    assert table.p_images is None
    assert said in table.sentence


def test_cells_without_cluster_or_value_do_not_count():
    labels = np.array([0, 1, -1, 0, 1, 1])
    table = cluster_table(labels, ["a", "b", "a", "", "b", "a"], list("iijjkk"), "line")
    assert table.counts.to_numpy().sum() == 4
    alone = cluster_table(labels, ["a"] * 6, list("iijjkk"), "line")
    assert (alone.chi_square, alone.p_images) == (None, None)
    assert "one value of line" in alone.sentence
    with pytest.raises(InputError, match="must be of the same cells"):
        cluster_table(labels, ["a"], list("iijjkk"), "line")
