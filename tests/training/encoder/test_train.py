"""Training learns, stops, and goes on as if it had not."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from cellapp.errors import Cancelled, InputError
from cellapp.training.encoder.train import CHECKPOINT, CURVES, pretrain, split
from tests.training.encoder.toys import NETWORK, TINY, toy_cells

pytestmark = pytest.mark.slow


def scheduled(**changes):
    return TINY.model_copy(update={"schedule": TINY.schedule.model_copy(update=changes)})


def test_the_losses_of_what_is_measured_fall(tmp_path):
    state = pretrain(scheduled(steps=60, batch=8, curve_every=20, learning_rate=3e-3), toy_cells(48), tmp_path)
    first, last = state.curves[0], state.curves[-1]
    assert last["textures"] < 0.8 * first["textures"]
    assert last["portrait"] < 0.9 * first["portrait"]
    assert not state.learner.training


def test_a_stopped_training_ends_where_an_unbroken_one_does(tmp_path):
    def stop(step, done):
        if done >= 0.75:
            raise Cancelled("enough")

    whole = pretrain(TINY, toy_cells(), tmp_path / "whole")
    with pytest.raises(Cancelled):
        pretrain(TINY, toy_cells(), tmp_path / "broken", checkpoint_s=-1, on_step=stop)
    assert (tmp_path / "broken" / CHECKPOINT).is_file()
    broken = pretrain(TINY, toy_cells(), tmp_path / "broken")
    assert broken.curves == whole.curves
    kept = broken.learner.state_dict()
    for name, tensor in whole.learner.state_dict().items():
        torch.testing.assert_close(kept[name], tensor, rtol=1e-4, atol=1e-5)


def test_a_finished_training_is_not_begun_again(tmp_path):
    pretrain(TINY, toy_cells(), tmp_path)
    told = []
    state = pretrain(TINY, toy_cells(), tmp_path, on_step=lambda step, done: told.append(done))
    assert not told
    assert state.step == TINY.schedule.steps


def test_the_curves_are_a_table_of_losses_and_accuracy(tmp_path):
    pretrain(TINY, toy_cells(), tmp_path)
    with (tmp_path / CURVES).open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4"]
    assert set(rows[0]) == {"step", "distil", "masked_patches", "spread", "textures", "portrait", "knn"}
    assert 0 <= float(rows[-1]["knn"]) <= 1


def test_without_labels_nothing_is_held_out_and_accuracy_is_no_number(tmp_path):
    cells = replace(toy_cells(), labels=np.full(24, ""))
    learnt, asked = split(cells, 0.5)
    assert (len(learnt), len(asked)) == (24, 0)
    assert np.isnan(pretrain(TINY, cells, tmp_path).curves[-1]["knn"])


def test_held_out_images_are_never_learnt_from():
    learnt, asked = split(toy_cells(80), 0.3)
    assert len(learnt) + len(asked) == 80
    assert not set(learnt.groups) & set(asked.groups)
    assert len(asked) > 0


def test_too_few_crops_are_refused():
    with pytest.raises(InputError, match="too few"):
        split(toy_cells(3), 0.9999)


def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    pretrain(TINY, toy_cells(), tmp_path)
    other = TINY.model_copy(update={"network": NETWORK.model_copy(update={"hidden_size": 32})})
    with pytest.raises(InputError, match="another network"):
        pretrain(other, toy_cells(), tmp_path)
