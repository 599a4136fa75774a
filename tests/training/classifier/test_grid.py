"""What a recipe leaves open is chosen inside training parts: no test cell is read for it."""

import json

import numpy as np
import pytest

from cellapp.cli import main
from cellapp.cli.train_runs import parse_grid
from cellapp.errors import InputError
from cellapp.training.classifier import grid
from cellapp.training.classifier.cross_validation import LabelledVectors, fit_and_hold_out
from cellapp.training.classifier.fit_head import FitOptions
from cellapp.training.classifier.recipe import Grid, HeadRecipe
from cellapp.training.classifier.resampling import Balance
from tests.classification.heads import PURPOSE
from tests.encoders.tiny import write_encoder
from tests.training.pictures import write_pictures

BALANCES = (Balance(), Balance("over"), Balance(class_weights=True))


def cells(n_groups=12, per_group=8, rare=3, seed=0):
    """Two overlapping clouds, one of few cells."""
    rng = np.random.default_rng(seed)
    labels, groups, rows = [], [], []
    for group in range(n_groups):
        name = ("cancer", "normal")[group % 2]
        for _ in range(per_group // rare if name == "cancer" else per_group):
            labels.append(name)
            groups.append(f"slide {group}")
            rows.append(rng.normal(1.0 * (name == "cancer"), 1.0, 6))
    return LabelledVectors(np.array(rows, np.float32), labels, groups)


def test_each_part_chooses_by_itself_and_the_head_remembers():
    head, held_out = fit_and_hold_out(cells(), PURPOSE, folds=3, strengths=(0.01, 1.0), balances=BALANCES)
    report = head.training["grid"]
    assert report["n_tried"] == 6
    assert len(report["chosen_in_folds"]) == len(held_out.chosen) == 3
    assert report["chosen"]["strength"] in (0.01, 1.0)
    assert grid.balance_of(head) in BALANCES


def test_test_cells_have_no_say_in_what_is_chosen_for_them():
    data = cells()
    _, first = fit_and_hold_out(data, PURPOSE, folds=3, balances=BALANCES)
    for fold in np.unique(first.fold_of):
        changed = data.features.copy()
        changed[first.fold_of == fold] = 100.0
        other = LabelledVectors(changed, data.labels, data.groups)
        _, again = fit_and_hold_out(other, PURPOSE, folds=3, balances=BALANCES)
        assert again.chosen[fold] == first.chosen[fold]


def test_one_way_is_fitted_as_ever_and_two_alike_give_the_first():
    data, options = cells(), FitOptions(0, Balance())
    plain = grid.fit_best(data, PURPOSE, options)
    alike = grid.fit_best(data, PURPOSE, options, (Balance(), Balance()))
    np.testing.assert_array_equal(plain[0].weight, alike[0].weight)
    assert plain[1:] == alike[1:]


def test_a_way_that_is_impossible_is_passed_over_and_none_possible_is_an_error(monkeypatch):
    def refuse(data, spec, options, fold_of):
        if options.balance.resample == "smote":
            raise InputError("too few cells")
        return 1.0

    monkeypatch.setattr(grid, "_loss", refuse)
    assert grid.fit_best(cells(), PURPOSE, FitOptions(), (Balance("smote"), Balance("over")))[2] == Balance("over")
    with pytest.raises(InputError, match="too few cells"):
        grid.fit_best(cells(), PURPOSE, FitOptions(), (Balance("smote"), Balance("smote", class_weights=True)))


def test_the_words_of_the_command_line():
    assert parse_grid(["resample=none, over", "class_weights=no,yes"]) == {
        "resample": ["none", "over"],
        "class_weights": ["no", "yes"],
    }
    for wrong in (["resample"], ["=over"], ["resample=none,"], ["resample=none", "resample=over"]):
        with pytest.raises(InputError, match="name=value,value"):
            parse_grid(wrong)
    recipe = HeadRecipe(grid=Grid(resample=("none", "over"), class_weights=(False, True), strengths=(1, 0.1)))
    assert recipe.choices["strengths"] == (0.1, 1.0)
    assert len(recipe.choices["balances"]) == 4
    assert "grid" not in HeadRecipe().toml
    with pytest.raises(ValueError, match="searches no grid"):
        HeadRecipe(mode="finetune", grid=Grid(strengths=(1.0,)))


@pytest.mark.slow
def test_from_the_command_line(tmp_path, capsys):
    pictures, encoder = write_pictures(tmp_path / "cells", n_groups=8), write_encoder(tmp_path / "encoder")
    options = ["--encoder", str(encoder), "--views", "1", "--folds", "2"]
    chosen = ["--grid", "resample=none,over", "--grid", "strengths=0.01,1"]
    assert main(["train", str(pictures), "--out", str(tmp_path / "head"), *options, *chosen]) == 0
    assert "chosen of 4 ways" in capsys.readouterr().out
    assert json.loads((tmp_path / "head" / "metrics.json").read_text())["grid"]["n_tried"] == 4
    assert main(["train", str(pictures), "--out", str(tmp_path / "no"), "--grid", "resample=guess"]) == 2
    assert "guess" in capsys.readouterr().err
