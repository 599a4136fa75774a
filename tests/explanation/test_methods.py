"""Every method gives maps of the same kind, in the right place, and leaves the network as it was."""

from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import numpy as np
import pytest
import torch

from cellapp.encoders.dino import HubEncoder
from cellapp.errors import InputError, ModelError
from cellapp.explanation.methods import BACK, METHODS, cost_text, explain, is_slow, made_by, method_note, passes
from cellapp.explanation.occlusion import MAX_WINDOWS
from cellapp.explanation.rollout import rolled_out
from cellapp.settings import LAYERED, ExplainMethod, ExplainSettings
from tests.classification.heads import random_head
from tests.encoders.tiny import FAMILIES, tiny_encoder, write_convolutional, write_encoder

IDS = np.arange(3, dtype=np.int32)
WITHOUT_ATTENTION = [name for name in METHODS if name not in ("rollout", "class-token")]


def crops(n=3, side=32):
    return np.random.default_rng(3).random((n, 3, side, side), dtype=np.float32)


def head_of(encoder, **options):
    return random_head(encoder.dim, encoder=encoder.identity, **options)


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def encoder(request, tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def convolutional(tmp_path_factory):
    from cellapp.encoders.timm_encoder import TimmEncoder

    folder = write_convolutional(tmp_path_factory.mktemp("cnn"))
    return TimmEncoder(folder, name="tiny-cnn", revision="1")


def hooks(network):
    return sum(
        len(part._forward_hooks) + len(part._forward_pre_hooks) + len(part._backward_hooks)
        for part in network.modules()
    )


def test_every_method_can_be_chosen_and_every_choice_is_there():
    assert set(get_args(ExplainMethod)) == set(METHODS)
    assert set(LAYERED) <= set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_maps_are_finite_add_up_by_definition_and_leave_nothing_behind(encoder, method):
    head, before = head_of(encoder), encoder.network.config._attn_implementation
    exact, explained = (explain(encoder, head, crops(), IDS, method=name) for name in ("exact", method))
    assert explained.maps.shape == (3, *encoder.grid)
    assert np.isfinite(explained.maps).all()
    assert np.any(explained.maps)
    np.testing.assert_allclose(explained.logits, exact.logits, atol=2e-3)
    np.testing.assert_allclose(explained.maps.sum((1, 2)) + explained.rest, explained.logits, atol=1e-3)
    assert not hooks(encoder.network)
    assert encoder.network.config._attn_implementation == before
    assert made_by(explained.method, method, None)
    same = {"exact", "hirescam"} if method in ("exact", "hirescam") else {method}
    assert {name for name in METHODS if made_by(explained.method, name, None)} == same


@pytest.mark.parametrize("method", METHODS)
def test_a_map_takes_the_passes_through_the_network_that_it_is_said_to_cost(tmp_path, method):
    encoder, forwards, backwards = tiny_encoder(tmp_path), [], []
    first = encoder.tail(9)[0]
    first.register_forward_hook(lambda _module, inputs, output: forwards.append(len(inputs[0])))
    first.register_full_backward_hook(lambda _module, _into, outof: backwards.append(len(outof[0])))
    explain(encoder, head_of(encoder), crops(), IDS, method=method)
    windows = {"occlusion": MAX_WINDOWS - encoder.grid[0] * encoder.grid[1]}  # there are fewer squares than windows
    assert sum(forwards) + BACK * sum(backwards) == len(IDS) * (passes(method) - windows.get(method, 0))


def test_slow_methods_say_what_they_cost_and_quick_ones_nothing():
    slow = {name for name in METHODS if is_slow(name)}
    assert slow == {name for name in METHODS if passes(name) > 3} == {name for name in METHODS if cost_text(name)}
    assert all(f"classifying its cell {passes(name)} times" in method_note(name) for name in slow)
    assert method_note("exact") == ""


@pytest.mark.parametrize("method", METHODS)
def test_no_cells_are_an_answer_and_one_at_a_time_is_the_same(encoder, method):
    head = head_of(encoder)
    assert explain(encoder, head, crops()[:0], IDS[:0], method=method).maps.shape == (0, *encoder.grid)
    whole = explain(encoder, head, crops(), IDS, method=method).maps
    single = explain(encoder, head, crops()[1:2], IDS[1:2], method=method).maps
    np.testing.assert_allclose(single[0], whole[1], rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("method", WITHOUT_ATTENTION)
def test_convolutional_networks_have_maps_too(convolutional, method):
    layers = (None, 1) if method in LAYERED else (None,)
    for layer in layers:
        explained = explain(convolutional, head_of(convolutional), crops(2, 64), IDS[:2], method=method, layer=layer)
        assert explained.maps.shape == (2, *convolutional.grid)
        assert np.isfinite(explained.maps).all()
    assert not hooks(convolutional.network)


@pytest.mark.parametrize("method", ["rollout", "class-token"])
def test_networks_without_attention_are_refused_by_methods_that_read_it(convolutional, method):
    with pytest.raises(ModelError, match="no attention"):
        explain(convolutional, head_of(convolutional), crops(2, 64), IDS[:2], method=method)


def test_the_class_tokens_map_is_what_the_logit_loses_in_small_when_values_fade(encoder):
    """The derivative of the class token's part by a factor on the values of all patches is the sum that was added."""
    head = head_of(encoder)
    exact, both = (explain(encoder, head, crops(), IDS, method=name) for name in ("exact", "class-token"))
    added = (both.maps - exact.maps).sum(axis=(1, 2))
    assert np.abs(added).max() > 1e-3
    weight = head.contrast(head.positive)[0][: encoder.dim]
    names = dict(encoder.tail(1)[0].named_modules())
    values = next(part for name, part in names.items() if name.endswith(("v_proj", "value")))
    parts = []
    for factor in (1.02, 0.98):

        def scale(_module, _inputs, output, factor=factor):
            return torch.cat([output[:, : encoder.n_prefix], output[:, encoder.n_prefix :] * factor], dim=1)

        hook = values.register_forward_hook(scale)
        parts.append(encoder.embed(crops(), IDS).cls @ weight)
        hook.remove()
    np.testing.assert_allclose(added, (parts[0] - parts[1]) / 0.04, rtol=0.05, atol=5e-3)


@pytest.mark.parametrize("method", LAYERED)
def test_layers_differ_and_those_before_the_first_block_are_refused(encoder, method):
    head = head_of(encoder)
    final, last = (explain(encoder, head, crops(), IDS, method=method, layer=layer) for layer in (0, 1))
    assert not np.allclose(final.maps, last.maps, atol=1e-4)
    assert np.abs(last.maps).max() > 1e-4
    assert last.method.endswith("at layer 1")
    with pytest.raises(InputError, match="before the first block"):
        explain(encoder, head, crops(), IDS, method=method, layer=3)


def test_gradcam_at_the_final_norm_is_hirescam_as_the_head_is_linear(encoder):
    maps = [
        explain(encoder, head_of(encoder), crops(), IDS, method=name).maps for name in ("exact", "gradcam", "hirescam")
    ]
    np.testing.assert_allclose(maps[1], maps[0], atol=1e-5, rtol=1e-4)
    np.testing.assert_allclose(maps[2], maps[0], atol=1e-5, rtol=1e-4)


def test_integrated_gradients_sum_to_the_difference_from_an_even_crop(encoder):
    head, pixels = head_of(encoder), crops() * 0.1 + 0.2
    edges = np.concatenate([pixels[:, :, 0], pixels[:, :, -1], pixels[..., 0], pixels[..., -1]], axis=2)
    even = np.broadcast_to(np.sort(edges, axis=2)[..., (edges.shape[2] - 1) // 2, None, None], pixels.shape).copy()
    explained = explain(encoder, head, pixels, IDS, method="integrated-gradients")
    start = explain(encoder, head, even, IDS).logits
    np.testing.assert_allclose(explained.maps.sum((1, 2)), explained.logits - start, atol=0.02, rtol=0.02)


@pytest.mark.parametrize("method", ["gradcam", "rollout", "guided-backpropagation", "class-token"])
def test_threads_on_one_network_give_the_maps_of_one(encoder, method):
    head = head_of(encoder)
    alone = [explain(encoder, head, crops(), IDS, method=name).maps for name in ("exact", method)]
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(explain, encoder, head, crops(), IDS, method=name) for name in ("exact", method) * 4]
        for number, job in enumerate(jobs):
            # kernels round by how many threads share the cores
            np.testing.assert_allclose(job.result().maps, alone[number % 2], rtol=1e-4, atol=1e-6)


def test_rollout_is_the_class_tokens_part_of_the_logit(encoder):
    head = head_of(encoder)
    weight, _ = head.contrast(head.positive)
    expected = encoder.embed(crops(), IDS).cls @ weight[: encoder.dim]
    maps = explain(encoder, head, crops(), IDS, method="rollout").maps
    np.testing.assert_allclose(maps.sum((1, 2)), expected, atol=1e-3, rtol=1e-3)


def test_rolled_out_attention_stays_shares():
    attention = [torch.rand(2, 3, 5, 5).softmax(-1) for _ in range(4)]
    np.testing.assert_allclose(rolled_out(attention).sum(-1), 1, atol=1e-5)


def test_a_layer_is_refused_where_a_method_reads_none():
    with pytest.raises(ValueError, match="reads no layer"):
        ExplainSettings(method="occlusion", layer=1)
    assert ExplainSettings.model_validate({"layer": "final"}).layer is None


@pytest.mark.parametrize("patch", [8, 14, 16])
@pytest.mark.parametrize("registers", [0, 4])
@pytest.mark.parametrize("method", ["exact", "gradcam", "layercam", "class-token", "integrated-gradients", "occlusion"])
def test_a_change_in_one_patch_is_in_that_patch_of_the_map(tmp_path, patch, registers, method):
    """Of networks whose blocks pass tokens on unchanged, so that the place of each is known."""
    family = "dinov2_with_registers" if registers else "dinov2"
    config = {"patch_size": patch, "image_size": 4 * patch} | ({"num_register_tokens": 4} if registers else {})
    encoder = HubEncoder(write_encoder(tmp_path, family, **config), name="tiny", revision="1")
    with torch.no_grad():
        for block in encoder.tail(9)[:-1]:
            block.layer_scale1.lambda1.zero_()
    before, after = crops(1, 4 * patch), crops(1, 4 * patch)
    changed_pixels = (..., slice(patch, 2 * patch), slice(2 * patch, 3 * patch))
    after[changed_pixels] = 1 - after[changed_pixels] ** 2
    head = head_of(encoder)
    maps = [explain(encoder, head, pixels, IDS[:1], method=method).maps[0] for pixels in (before, after)]
    changed = np.abs(maps[1] - maps[0])
    assert np.unravel_index(changed.argmax(), changed.shape) == (1, 2)
    assert np.sum(changed > 1e-3 * changed.max()) == 1
