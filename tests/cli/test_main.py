"""What the command line prints for people is what it found, and nothing is lost between option and core."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp import __version__
from cellapp.cli import main
from cellapp.cli.analyse import _line
from cellapp.cli.head_figures import figure_lines
from cellapp.cli.train import _knn_sentence

COUNTS = st.dictionaries(st.text("abcx_", min_size=1, max_size=6), st.integers(0, 10**6), max_size=3)


def test_the_version_is_printed(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_without_a_command_there_is_help(capsys, arguments):
    assert main(arguments) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["analyse", "--no-such-option"], ["train"], ["demo", "--seed", "x", "--out", "o"]]
)
def test_unusable_arguments_are_one_line_and_status_2(capsys, arguments):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("cellapp: ")


@given(COUNTS, st.integers(0, 10**6))
def test_a_line_names_every_class_of_an_image_with_its_count(counts, n_unsure):
    row = {"image": "a", "n_cells": sum(counts.values()) + n_unsure, "n_unsure": n_unsure}
    for name, n in counts.items():
        row |= {f"n_{name}": n, f"fraction_{name}": 0.5, f"fraction_{name}_low": 0.4, f"fraction_{name}_high": 0.6}
    expected = [f"a: {row['n_cells']:,} cells", *(f"{n:,} {name}" for name, n in counts.items())]
    assert _line(row).split(", ")[: len(expected)] == expected
    assert _line(row).endswith(f", {n_unsure:,} unsure") == bool(counts)


def test_a_trained_head_is_summed_up_by_method():
    figure = {"value": 0.5, "low": 0.25, "high": 0.75}
    methods = {"head": dict.fromkeys(("auc", "balanced_accuracy", "calibration_error"), figure)}
    bare = dict.fromkeys(("auc", "balanced_accuracy", "calibration_error"), figure | {"low": None})
    metrics = {"head": "h", "n": 1234, "n_groups": 3, "positive": "cancer", "methods": methods | {"bare": bare}}
    assert figure_lines(metrics | {"validated": False}) == [
        "h: 1,234 cells, 3 groups, positive 'cancer'",
        "head: AUC 0.500 (0.250 to 0.750), balanced accuracy 0.500 (0.250 to 0.750), "
        "calibration error 0.500 (0.250 to 0.750)",
        "bare: AUC 0.500, balanced accuracy 0.500, calibration error 0.500",
    ]


def test_an_encoder_without_classes_to_measure_by_says_how_to_get_some():
    assert "folder per class" in _knn_sentence({"knn": None, "knn_untrained": None})
    assert _knn_sentence({"knn": 0.9, "knn_untrained": 0.5}) == "kNN accuracy 0.900, untrained 0.500"
