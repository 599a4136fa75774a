"""The charts of a training say what its file says."""

import json

import pytest

from cellapp.models.training_curves import FILE, read_curves
from cellapp.ui.components.training_curves import curve_chart

ROW = {"epoch": 1, "step": 10, "loss": 0.5, "dice": 0.8, "iou": 0.67}
HELD_OUT = {"held_out_dice": 0.9, "held_out_iou": 0.82}


def written(tmp_path, *rows, n=3):
    (tmp_path / FILE).write_text(json.dumps({"epoch_steps": 10, "held_out_images": n, "epochs": rows}))
    return read_curves(tmp_path)


def test_lines_hold_the_values_of_the_file(tmp_path):
    later = ROW | HELD_OUT | {"epoch": 2, "step": 20, "loss": 0.25}
    curves = written(tmp_path, ROW | HELD_OUT, later)
    lines = {(of, line.name): list(line.y) for of in ("dice", "iou", "loss") for line in curve_chart(curves, of).data}
    assert lines == {
        ("dice", "held out"): [0.9, 0.9],
        ("dice", "training"): [0.8, 0.8],
        ("iou", "held out"): [0.82, 0.82],
        ("iou", "training"): [0.67, 0.67],
        ("loss", "training"): [0.5, 0.25],
    }
    assert list(curve_chart(curves, "dice").data[0].x) == [1, 2]
    assert curve_chart(curves, "iou").layout.yaxis.range[0] <= 0.67
    assert "After 2 epochs, 20 steps: foreground Dice 0.900, IoU 0.820 on 3 held-out images" in curves.sentence


def test_without_held_out_images_there_are_the_training_lines(tmp_path):
    curves = written(tmp_path, ROW, n=0)
    assert [line.name for line in curve_chart(curves, "dice").data] == ["training"]
    assert "no image was held out" in curves.sentence


@pytest.mark.parametrize(
    "content", [None, "{", "[]", '{"epochs": []}', '{"epochs": [{"epoch": 1}], "held_out_images": 0}']
)
def test_no_curves_are_none(content, tmp_path):
    if content is not None:
        (tmp_path / FILE).write_text(content)
    assert read_curves(tmp_path) is None
