"""What is known of cells is compared with clusters and never takes part in them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_blobs

from cellapp.discovery.discover import DiscoverSettings, discover
from cellapp.discovery.measurements import measured_features
from cellapp.errors import InputError

SETTINGS = DiscoverSettings(method="kmeans", layout="pca")


def test_shuffled_labels_change_no_cluster():
    features, truth = make_blobs(90, 8, centers=3, random_state=0)
    generator = np.random.default_rng(0)
    found = [
        discover(features, SETTINGS, columns={"class": values.astype(str)})
        for values in (truth, generator.permutation(truth))
    ]
    np.testing.assert_array_equal(found[0].labels, found[1].labels)
    assert found[0].choice.tried == found[1].choice.tried
    np.testing.assert_array_equal(found[0].xy, found[1].xy)
    assert found[0].tables[0].cramers_v == pytest.approx(1)
    assert found[1].tables[0].cramers_v < 0.5


def test_a_batch_is_taken_out_before_cells_are_grouped():
    features, truth = make_blobs((60, 60), centers=[[0, 0], [0, 6]], cluster_std=0.5, random_state=0)
    batch = np.arange(120) % 2
    features[:, 0] += 30 * batch
    images = (batch * 10 + truth * 100 + np.arange(120) // 8 % 3).astype(str)
    columns = {"batch": batch.astype(str), "class": truth.astype(str)}
    asked = DiscoverSettings(method="kmeans", layout="pca", k=2)
    plain = discover(features, asked, columns=columns, images=images)
    corrected = discover(features, asked.model_copy(update={"correct": "batch"}), columns=columns, images=images)
    assert [table.cramers_v > 0.9 for table in plain.tables] == [True, False]
    assert [table.cramers_v > 0.9 for table in corrected.tables] == [False, True]
    before, after = corrected.separations["batch"]
    assert before.held_out_accuracy > 0.95 > 0.75 > after.held_out_accuracy
    assert plain.separations["batch"] == (before, None)
    with pytest.raises(InputError, match="no column 'day'"):
        discover(features, asked.model_copy(update={"correct": "day"}), columns=columns)


def test_one_cell_is_a_result_and_none_is_refused():
    found = discover(np.ones((1, 5)), DiscoverSettings())
    assert found.labels.tolist() == [0]
    assert found.layout == "pca"
    with pytest.raises(InputError, match="no cells to cluster"):
        discover(np.zeros((0, 5)))


def test_units_do_not_decide_when_numbers_are_standardised():
    features, truth = make_blobs((50, 50), centers=[[-2, 0], [2, 0]], cluster_std=0.3, random_state=5)
    generator = np.random.default_rng(0)
    wide = np.column_stack([features, generator.normal(size=100) * 1e6])
    found = discover(wide, SETTINGS.model_copy(update={"standardise": True, "k": 2}))
    agreement = np.mean(found.labels == truth)
    assert max(agreement, 1 - agreement) > 0.95


def test_measurements_are_those_of_shape_and_stain_once_each():
    cells = pd.DataFrame(
        {
            "centroid_y_px": [1.0, 2.0, 3.0],
            "area_px": [10, 20, 30],
            "area_um2": [1.0, 2.0, 3.0],
            "major_axis_px": [3.0, 4.0, np.nan],
            "major_axis_um": [np.nan, 0.4, 0.6],
            "eccentricity": [0.1, 0.2, 0.2],
            "intensity_mean_actin": [5.0, np.nan, 9.0],
            "solidity": [1.0, 1.0, 1.0],
            "p_cancer": [0.1, 0.9, 0.3],
            "label": ["a", "b", "a"],
        }
    )
    features, names = measured_features(cells)
    assert names == ("area_um2", "major_axis_px", "major_axis_um", "eccentricity", "intensity_mean_actin")
    assert np.isfinite(features).all()
    assert features[1, 4] == 7
    with pytest.raises(InputError, match="no measurement differs"):
        measured_features(cells[["solidity", "p_cancer"]])
