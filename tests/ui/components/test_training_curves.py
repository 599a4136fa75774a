"""The charts of a training say what its file says."""

import json

import pytest

from cellapp.models.training_curves import FILE, read_curves
from cellapp.ui.components.training_curves import agreement_chart, loss_chart

ROW = {"epoch": 1, "step": 10, "loss": 0.5, "dice": 0.8, "iou": 0.67}
HELD_OUT = {"held_out_dice": 0.9, "held_out_iou": 0.82}


def written(tmp_path, *rows, n=3):
    (tmp_path / FILE).write_text(json.dumps({"epoch_steps": 10, "held_out_images": n, "epochs": rows}))
    return read_curves(tmp_path)


def test_lines_hold_the_values_of_the_file(tmp_path):
    later = ROW | HELD_OUT | {"epoch": 2, "step": 20, "loss": 0.25}
    curves = written(tmp_path, ROW | HELD_OUT, later)
    lines = {line.name: (list(line.x), list(line.y)) for line in agreement_chart(curves).data}
    assert lines["Dice, held out"] == ([1, 2], [0.9, 0.9])
    assert lines["IoU, training"] == ([1, 2], [0.67, 0.67])
    assert list(loss_chart(curves).data[0].y) == [0.5, 0.25]
    assert "After 2 epochs, 20 steps: foreground Dice 0.900, IoU 0.820 on 3 held-out images" in curves.sentence


def test_without_held_out_images_there_are_the_training_lines(tmp_path):
    curves = written(tmp_path, ROW, n=0)
    assert [line.name for line in agreement_chart(curves).data] == ["Dice, training", "IoU, training"]
    assert "no image was held out" in curves.sentence


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"epochs": []}', '{"epochs": [{"epoch": 1}], "held_out_images": 0}']
)
def test_no_curves_are_none(content, tmp_path):
    if content is not None:
        (tmp_path / FILE).write_text(content)
    assert read_curves(tmp_path) is None
