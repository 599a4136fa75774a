"""Black patches say nothing, and nothing else changes."""

from dataclasses import replace

import torch

from cellapp.training.encoder.centre_background import centre_background
from cellapp.training.encoder.student_teacher import StudentTeacher, standardise
from tests.training.encoder.toys import TINY, toy_cells


def tokens_of(network, cells):
    pixels = torch.from_numpy(cells.pixels[:, :3]).float() / 255
    views = torch.nn.functional.interpolate(pixels, size=(32, 32), mode="area")
    with torch.no_grad():
        return views, network(standardise(views, TINY)).last_hidden_state


def test_black_patches_are_zero_on_average_and_all_tokens_move_alike():
    network, cells = StudentTeacher(TINY).teacher.network.eval(), toy_cells(6)
    _, before = tokens_of(network, cells)
    centre_background(network, cells, TINY)
    views, after = tokens_of(network, cells)
    moved = before - after
    torch.testing.assert_close(moved, moved[:1, :1].expand_as(moved), rtol=1e-3, atol=1e-4)
    black = torch.nn.functional.max_pool2d(views.amax(dim=1, keepdim=True), 8).flatten(1) == 0
    assert black.any()
    assert after[:, TINY.network.n_prefix :][black].mean(dim=0).abs().max() < 1e-3


def test_without_black_patches_nothing_changes():
    network, cells = StudentTeacher(TINY).teacher.network, toy_cells(4)
    bright = replace(cells, pixels=cells.pixels.clip(9))
    bright.pixels[:, 3] = 255
    bias = network.layernorm.bias.clone()
    centre_background(network, bright, TINY)
    torch.testing.assert_close(network.layernorm.bias, bias, rtol=0, atol=0)
