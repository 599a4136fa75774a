"""Sentences on the Explain page say what was measured and nothing more."""

import os
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from cellapp.exports.tables import write_cells
from cellapp.pipeline.encoder_crops import RawCrop
from cellapp.ui.explain.cell_maps import CellExplanation
from cellapp.ui.explain.sentences import (
    channel_effects,
    channel_places_sentence,
    channels_sentence,
    map_sentence,
    measured_of,
)


def numbers(text):
    """What is given in logits, which is all but the probability in front; 0.00 has no sign."""
    said = text.partition(" is ")[2].partition(" ")[2] if text.startswith("p(") else text
    return [float(number.replace("\N{MINUS SIGN}", "-")) for number in re.findall(r"[+\N{MINUS SIGN}]?\d+\.\d\d", said)]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 99), nucleus=st.booleans())
def test_the_parts_of_the_map_add_up_to_what_the_sentence_says_it_gives(seed, nucleus):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:24, :24] - 11.5
    core = np.hypot(y, x) < 4 if nucleus else None
    crop = RawCrop(np.ones((1, 24, 24), np.uint16), np.hypot(y, x) < 9, core)
    signed = rng.normal(size=(6, 6)).astype(np.float32)
    explanation = CellExplanation(signed, float(signed.sum()) + 0.5, 0.5, "cancer")
    text = map_sentence(explanation, crop, p=0.75)
    logit, in_map, rest, *parts = numbers(text)
    assert text.startswith("p(cancer) is 0.75")
    assert in_map + rest == pytest.approx(logit, abs=0.011)
    assert sum(parts) == pytest.approx(in_map, abs=0.006 * len(parts) + 0.006)
    assert ("nucleus" in text) == nucleus


def test_an_empty_map_names_no_strongest_square():
    crop = RawCrop(np.ones((1, 8, 8), np.uint8), np.ones((8, 8), bool))
    silent = CellExplanation(np.zeros((4, 4), np.float32), 1.0, 1.0, "cancer")
    assert "strongest" not in map_sentence(silent, crop, p=0.7)


def test_without_a_channel_the_probability_is_that_of_the_logit_left():
    words = channels_sentence({"nucleus": 3.0, "actin": -1.0}, 2.0, "cancer", n_classes=2)
    assert f"p(cancer) would be {expit(-1.0):.2f} without nucleus, {expit(3.0):.2f} without actin." in words


def test_with_three_classes_a_logit_is_no_probability():
    words = channels_sentence({"nucleus": 3.0}, 2.0, "cancer", n_classes=3)
    assert "logit of cancer would be \N{MINUS SIGN}1.00 without nucleus" in words


@pytest.fixture
def results(tmp_path):
    """A run of two images, of which the worker measured a cell each, and the run one cell of the first itself."""
    for stem in "ab":  # a summary older than a label image does not count
        (tmp_path / stem).mkdir()
        (tmp_path / stem / "labels.tif").touch()
        os.utime(tmp_path / stem / "labels.tif", (0, 0))
    summary = pd.DataFrame(
        {
            "cell_id": [1, 1],
            "stem": ["a", "b"],
            "target": "cancer",
            "effect_actin": [0.5, 7.0],
            "effect_nucleus": [np.nan, 8.0],
        }
    ).set_index("cell_id")
    write_cells(summary, tmp_path / "regions_cancer.parquet")
    folder = tmp_path / "a" / "explanations"
    folder.mkdir()
    rows = {"cell_id": [2, 2], "target": ["normal", "cancer"], "effect_actin": [9.0, -2.0]}
    pd.DataFrame(rows).to_csv(folder / "regions.csv", index=False)
    return SimpleNamespace(folder=tmp_path, version=(("a", 0), ("b", 0)))


@pytest.mark.parametrize(
    ("stem", "cell_id", "effects"),
    [
        ("a", 1, {"actin": 0.5}),
        ("b", 1, {"actin": 7.0, "nucleus": 8.0}),
        ("a", 2, {"actin": -2.0}),
        ("b", 2, {}),
    ],
)
def test_effects_of_channels_are_those_of_the_cell_its_image_and_the_class(results, stem, cell_id, effects):
    measured = measured_of(results, pd.Series({"stem": stem, "cell_id": cell_id}), "cancer")
    assert (measured is None) == (not effects)
    if effects:
        assert channel_effects(measured) == effects
        assert channel_places_sentence(measured) == "", "an earlier version did not measure it"


def test_channels_are_told_in_the_places_where_they_change_the_map_most():
    shares = {"share_nucleus_actin": 0.1, "share_edge_actin": np.nan, "share_cytoplasm_actin": 0.55}
    shares |= {"share_nucleus_dna": 0.3, "share_edge_dna": 0.05}
    words = channel_places_sentence(pd.Series({"effect_actin": 1.0, "effect_dna": 2.0} | shares))
    most = (
        "the channel actin in the cytoplasm (55 %)",
        "the channel dna in the nucleus (30 %)",
        "the channel actin in the nucleus (10 %)",
    )
    assert words.endswith(f"most is by {', '.join(most)}.")
