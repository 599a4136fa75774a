"""From a folder of pictures to an encoder that everything else can load."""

import json
import shutil
import tomllib

import numpy as np
import pytest
import torch
from PIL import Image

from cellapp.cli import main
from cellapp.errors import InputError, ModelError
from cellapp.models.load import load_model
from cellapp.training.encoder.recipe import PretrainRecipe
from cellapp.training.encoder.run import PretrainOptions, fit_to, run
from tests.training.encoder.toys import TINY, toy_cells

RECIPE = """
[network]
hidden_size = 16
num_hidden_layers = 2
num_attention_heads = 2
mlp_ratio = 2
image_size = 32
num_register_tokens = 1
[views]
n_local = 1
global_px = 24
local_px = 16
[objective]
prototypes = 8
[schedule]
steps = 2
batch = 4
warm_up = 1
"""


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crops")
    for row, (pixels, label) in enumerate(zip(toy_cells(12).pixels, toy_cells(12).labels, strict=True)):
        (folder / label).mkdir(exist_ok=True)
        Image.fromarray(pixels[:3].transpose(1, 2, 0)).save(folder / label / f"{row}.png")
    return folder


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def made(crops, recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("made") / "mine"
    return out, run(crops, out, PretrainOptions(recipe=recipe))


def test_the_result_is_an_encoder_folder(crops, made):
    out, result = made
    encoder = load_model(str(out), device="cpu", dtype="float32")
    assert result["encoder"] == encoder.identity
    assert (encoder.input_px, encoder.dim, encoder.n_prefix) == (32, 16, 2)
    assert result["n"] == 12
    figures = json.loads((out / "metrics.json").read_text())
    assert figures["sources"] == {crops.name: 12}
    assert figures["curves"][-1]["step"] == figures["step"] == 2
    assert figures["knn"] is None or 0 <= figures["knn"] <= 1
    assert encoder.embed(np.zeros((1, 3, 32, 32), np.float32), np.zeros(1, np.int32)).cls.shape == (1, 16)


def test_the_files_give_the_tokens_of_the_teacher(crops, recipe, made):
    """Weights are kept as float16, so equal to its rounding, but for the shift that centres black patches."""
    from cellapp.settings_io import read_recipe
    from cellapp.training.encoder.recipe import PretrainRecipe
    from cellapp.training.encoder.student_teacher import standardise
    from cellapp.training.encoder.train import new_state

    out, _ = made
    settings = read_recipe(PretrainRecipe, recipe)
    state = new_state(settings)
    state.restore(out)
    pixels = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        expected = state.learner.teacher.eval().network(standardise(pixels, settings)).last_hidden_state
    found = load_model(str(out), device="cpu", dtype="float32").tokens(pixels)
    shift = (expected - found).mean(dim=(0, 1))
    torch.testing.assert_close(found + shift, expected, rtol=2e-2, atol=2e-2)


def test_training_goes_on_from_an_encoder(crops, recipe, made, tmp_path):
    out, _ = made
    result = run(crops, tmp_path / "next", PretrainOptions(recipe=recipe, encoder=str(out), epochs=0.4, seed=3))
    assert result["step"] == 1
    before, after = (load_model(str(folder), device="cpu", dtype="float32") for folder in (out, tmp_path / "next"))
    weight = "encoder.layer.0.mlp.fc1.weight"
    moved = (after.network.state_dict()[weight] - before.network.state_dict()[weight]).abs().mean()
    assert 0 < moved < 0.01


def test_options_that_contradict_are_refused(crops, recipe, tmp_path):
    with pytest.raises(InputError, match="not both"):
        run(crops, tmp_path, PretrainOptions(recipe=recipe, steps=3, epochs=1))
    with pytest.raises(InputError, match="no encoder"):
        run(crops, tmp_path, PretrainOptions(recipe=recipe, encoder="classical"))


def test_views_keep_their_proportion_for_a_larger_encoder():
    shape = TINY.network.config | {"image_size": 224, "patch_size": 14, "hidden_size": 384, "torch_dtype": "float32"}
    recipe = fit_to(PretrainRecipe(), shape, ((0.5, 0.4, 0.3), (0.2, 0.2, 0.2)))
    assert (recipe.views.global_px, recipe.views.local_px) == (168, 84)
    assert recipe.network.hidden_size == 384
    assert recipe.mean == (0.5, 0.4, 0.3)


def test_families_that_have_no_mask_token_are_refused():
    with pytest.raises(ModelError, match="'vit'.*dinov2"):
        fit_to(TINY, {"model_type": "vit"}, ((0.5,) * 3, (0.5,) * 3))


def test_the_command_says_what_it_made(crops, recipe, tmp_path, capsys):
    out = tmp_path / "mine"
    assert main(["pretrain", str(crops), "--out", str(out), "--recipe", str(recipe), "--json"]) == 0
    said = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert said["step"] == 2
    assert said["out"] == str(out)
    assert tomllib.loads((out / "recipe.toml").read_text())["network"]["hidden_size"] == 16


def test_the_command_names_a_picture_that_cannot_be_read_and_learns_from_the_others(crops, recipe, tmp_path, capsys):
    shutil.copytree(crops, tmp_path / "crops")
    (tmp_path / "crops" / "bad.png").write_bytes(b"a note")
    command = ["pretrain", str(tmp_path / "crops"), "--out", str(tmp_path / "out"), "--recipe", str(recipe), "--json"]
    assert main(command) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out.splitlines()[-1])
    (sentence,) = result["left_out"]
    assert (result["n"], sentence.split(":")[0]) == (12, "bad.png")
    assert f"cellapp: left out: {sentence}" in printed.err


def test_a_folder_without_pictures_is_refused_in_one_line(tmp_path, capsys):
    assert main(["pretrain", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "no pictures" in capsys.readouterr().err
