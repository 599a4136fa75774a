"""Errors of a head are found again as cells of the runs it was scored on, and nothing else is."""

import numpy as np
import pytest

from cellapp.evaluation.evidence import worst_errors
from cellapp.store.head_evaluations import HeldOutImage
from cellapp.ui.learn.judged_cells import judged_cells
from tests.evaluation.calls import random_calls

IMAGES = {"1/well": HeldOutImage("r1", "i1", "day 1"), "2/well": HeldOutImage("r2", "i2", "day 2")}


@pytest.fixture
def errors():
    calls = random_calls(skill=0.5, n_groups=2)
    names = tuple(f"{1 + (k % 2)}/well/{k + 1}" for k in range(len(calls.cells)))
    return worst_errors(type(calls)(**{**vars(calls), "cells": names}))


def test_each_wrong_call_is_a_cell_with_the_class_it_was_called(errors):
    cells = judged_cells(errors, IMAGES, doubtful=False)
    wrong = errors[errors["label"] != errors["truth"]]
    assert [cell.key for cell in cells] == wrong["file"].tolist()
    assert [cell.p_truth for cell in cells] == sorted(cell.p_truth for cell in cells)
    for cell in cells:
        assert f"{cell.image_id[1:]}/well/{cell.cell_id}" == cell.key
        assert cell.run_id == f"r{cell.image_id[1:]}"
        assert cell.suggested == cell.call != cell.truth


def test_each_doubtful_label_is_a_cell_with_the_class_it_looks_like(errors):
    cells = judged_cells(errors, IMAGES, doubtful=True)
    assert len(cells) == errors["label_looks_wrong"].sum() > 0
    assert all(cell.suggested != cell.truth for cell in cells)


@pytest.mark.parametrize("images", [{}, {"1/well": IMAGES["1/well"]}])
def test_cells_of_other_images_are_left_out(errors, images):
    assert {cell.image_id for cell in judged_cells(errors, images, doubtful=False)} == {
        one.image for one in images.values()
    }


def test_pictures_of_files_are_no_cells(errors):
    named = errors.assign(file=np.array([f"1/well/{k}.tif" for k in range(len(errors))]))
    assert judged_cells(named, IMAGES, doubtful=False) == []
