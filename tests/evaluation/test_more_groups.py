"""The sentence follows the curve: it rises, it does not, or it cannot be told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.evaluation.more_groups import WORTH_MORE, rises, would_more_help

SCORE = st.floats(0.3, 1.0)


def curve(*scores, width=0.05):
    return [
        {
            "n_groups": 2.0 * (k + 1),
            "n_cells": 100.0,
            "balanced_accuracy": s,
            "low": s - width / 2,
            "high": s + width / 2,
        }
        for k, s in enumerate(scores)
    ]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (curve(0.7, 0.8, 0.85, 0.9), "More slides would probably help: trained on 4 it scored 0.80, on 8 0.90"),
        (curve(0.7, 0.9, 0.9, 0.9), "More slides like these would hardly help"),
        (curve(0.7, 0.9, 0.9, 0.9, width=0.3), "cannot be told"),
        ([point | {"low": None, "high": None} for point in curve(0.9, 0.9)], "cannot be told"),
    ],
)
def test_the_three_answers(points, words):
    assert words in would_more_help(points, "slides")


@given(st.lists(SCORE, min_size=2, max_size=5), st.floats(0.01, 0.5))
@settings(max_examples=60, deadline=None)
def test_it_promises_help_exactly_where_the_score_rose_with_the_second_half(scores, width):
    points = curve(*scores, width=width)
    half = points[(len(points) - 1) // 2 if len(points) % 2 else len(points) // 2 - 1]
    said = would_more_help(points, "slides")
    assert said.endswith(".")
    assert said.startswith("More slides would probably help") == rises(points)
    if len(points) % 2 == 0:
        assert rises(points) == (scores[-1] - half["balanced_accuracy"] >= WORTH_MORE)


@pytest.mark.parametrize(
    ("scores", "low", "high", "words"),
    [
        ((0.7, 0.8, 0.85, 0.9), 0.04, 0.16, "would probably help"),
        ((0.4, 0.52, 0.5, 0.54), -0.1, 0.14, "cannot be told"),
        ((0.7, 0.9, 0.9, 0.902), -0.01, 0.02, "would hardly help"),
        ((0.7, 0.9, 0.9, 0.902), -0.1, 0.1, "cannot be told"),
        ((0.7, 0.8, 0.85, 0.9), None, None, "cannot be told"),
    ],
)
def test_where_the_rise_was_measured_it_counts_only_beyond_chance(scores, low, high, words):
    points = curve(*scores, width=0.3)
    points[-1]["rise"] = {"value": scores[-1] - scores[1], "low": low, "high": high}
    assert words in would_more_help(points, "slides")
    assert rises(points) == ("probably" in words)


def test_without_a_curve_nothing_is_said():
    assert would_more_help([], "slides") == would_more_help(curve(0.9), "slides") == ""
