"""Dice and IoU over the epochs of a training."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from sklearn.metrics import f1_score, jaccard_score

from cellapp.models.training_curves import FILE, read_curves
from cellapp.segmentation.flow_unet import FlowNetwork, NetworkSettings
from cellapp.training.segmenter.curves import Curves
from cellapp.training.segmenter.dataset import prepare
from cellapp.training.segmenter.source_images import any_held_out, read_labelled_images
from tests.training.segmenter.conftest import write_index, write_picture

NETWORK = FlowNetwork(NetworkSettings(widths=(4, 8), blocks=1, head="foreground"))


def step_of(found, true, valid):
    """Maps and targets of a step, (N, 4, Y, X) and (N, 5, Y, X)."""
    maps, targets = torch.zeros((len(found), 4, 4, 5)), torch.zeros((len(found), 5, 4, 5))
    maps[:, 2] = torch.from_numpy(np.where(found, 1.0, -1.0))
    targets[:, 2], targets[:, 4] = torch.from_numpy(true.astype(float)), torch.from_numpy(2.0 * valid)
    return maps, targets


@settings(max_examples=20, deadline=None)
@given(masks=arrays.arrays(bool, (3, 2, 4, 5)))
def test_dice_and_iou_of_an_epoch_are_those_of_scikit_learn(masks, tmp_path_factory):
    """Over all pixels of its steps that count; two empty masks agree."""
    found, true, valid = masks
    curves, out = Curves(2, 1, 2, []), tmp_path_factory.mktemp("curves")
    for at in range(2):
        curves.add(0.5 + at, *step_of(found[[at]], true[[at]], valid[[at]]))
        curves.close_epoch(at + 1, NETWORK, out)
    row = json.loads((out / FILE).read_text())["epochs"][0]
    answer = {"zero_division": 1.0}
    a, b = true[valid], found[valid]
    assert row["loss"] == 1.0
    assert row["dice"] == pytest.approx(f1_score(a, b, **answer) if a.size else 1, abs=1e-4)
    empty = not (a.any() or b.any())
    assert row["iou"] == pytest.approx(1 if empty else jaccard_score(a, b), abs=1e-4)


@pytest.mark.parametrize(
    ("n_steps", "batch", "n_images", "epoch_steps"),
    [(1500, 6, 492, 82), (1500, 8, 3, 30), (10, 4, 400, 100), (3, 2, 1, 1)],
)
def test_an_epoch_is_a_round_through_the_images_but_no_less_than_a_fiftieth(n_steps, batch, n_images, epoch_steps):
    assert Curves(n_steps, batch, n_images, []).epoch_steps == epoch_steps


def test_the_last_steps_are_an_epoch_and_a_checkpoint_goes_on(tmp_path):
    step = step_of(*np.ones((3, 1, 4, 5), bool))
    whole, first = Curves(5, 1, 2, []), Curves(5, 1, 2, [])
    for at in range(1, 6):
        whole.add(at, *step)
        whole.close_epoch(at, NETWORK, tmp_path)
        if at <= 3:
            first.add(at, *step)
            first.close_epoch(at, NETWORK, tmp_path)
    second = Curves(5, 1, 2, [])
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    for at in (4, 5):
        second.add(at, *step)
        second.close_epoch(at, NETWORK, tmp_path)
    assert [row["step"] for row in whole.rows] == [2, 4, 5]
    assert second.rows == whole.rows


def test_held_out_images_are_measured_as_a_whole(data, tmp_path):
    image = next(read_labelled_images(data, "train", 0))
    curves = Curves(1, 1, 1, [prepare(image, None)])
    curves.add(1.0, *step_of(*np.ones((3, 1, 4, 5), bool)))
    everywhere = FlowNetwork(NETWORK.settings)
    with torch.no_grad():
        everywhere.head.weight.zero_()
        everywhere.head.bias.fill_(5.0)  # all is foreground
    curves.close_epoch(1, everywhere, tmp_path)
    share = float((image.labels > 0).mean())
    assert curves.rows[0]["held_out_iou"] == pytest.approx(share, abs=1e-4)
    assert curves.rows[0]["held_out_dice"] == pytest.approx(2 * share / (1 + share), abs=1e-4)
    read = read_curves(tmp_path)
    assert (read.n_held_out, read.epochs[0].held_out_iou) == (1, curves.rows[0]["held_out_iou"])
    assert f"IoU {share:.3f} on 1 held-out images" in read.sentence


def test_small_sets_hold_nothing_out(data):
    assert not any_held_out(data, 0.5)
    picture = np.zeros((8, 8), np.uint8)
    rows = [{"id": f"p{at}", "split": "train", "type": "fluorescence"} for at in range(30)]
    for row in rows:
        write_picture(data / "dsb2018", row["id"], picture, picture)
    write_index(data / "dsb2018", rows)
    assert any_held_out(data, 0.5)
    assert not any_held_out(data, 0.0)
