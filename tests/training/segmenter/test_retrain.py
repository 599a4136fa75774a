"""Retraining learns from the images given and is scored on those it has not seen."""

import io
import json

import numpy as np
import pytest
import tifffile
import torch

from cellapp.cli import main
from cellapp.errors import InputError
from cellapp.models.bundle import weights_of
from cellapp.models.load import load_model
from cellapp.segmentation.cellpose_weights import read_state
from cellapp.segmentation.flow_unet import FlowNetwork, NetworkSettings
from cellapp.segmentation.flow_unet_io import save_network
from cellapp.segmentation.residual_unet import ResidualUNet
from cellapp.store.projects import default_project
from cellapp.store.segmenters import add_segmenter, export_segmenter
from cellapp.training.segmenter.labelled_folder import own_images
from cellapp.training.segmenter.own_example import fullest_window, prepare_own
from cellapp.training.segmenter.retrain import network_folder, recipe_of
from cellapp.training.segmenter.retrain_settings import RetrainSettings
from tests.segmentation.phantoms import discs, glowing

TRUTH = discs((64, 64), [(20, 20), (44, 40)], 9)


@pytest.fixture
def base(tmp_path):
    torch.manual_seed(0)
    (tmp_path / "base").mkdir()
    save_network(FlowNetwork(NetworkSettings(widths=(4, 8), blocks=1)), tmp_path / "base")
    return tmp_path / "base"


@pytest.fixture
def corrected(tmp_path):
    """Three images with labels under ids with gaps, the last held out."""
    folder = tmp_path / "own"
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    for name in "abc":
        tifffile.imwrite(folder / "images" / f"{name}.tif", (glowing(TRUTH)[0] * 255).astype(np.uint8))
        tifffile.imwrite(folder / "labels" / f"{name}.tif", (TRUTH * 7).astype(np.uint16))
    (folder / "index.csv").write_text("file,split\na.tif,train\nb.tif,train\nc.tif,val\n")
    return folder


def run(corrected, base, out, *more):
    return main(["train-segmenter", "--data", str(corrected), "--start", str(base), "--out", str(out), *more, "--json"])


def test_the_command_retrains_and_scores_what_is_held_out(corrected, base, tmp_path, capsys):
    assert run(corrected, base, tmp_path / "new", "--steps", "3", "--learning-rate", "0.002") == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["images"], result["n_cells"]) == (["a", "b"], 4)
    assert [row["image"] for row in result["held_out"]] == ["c"]
    assert result["settings"]["learning_rate"] == 0.002
    for when in ("before", "after"):
        assert result[when]["ap50"] == result["held_out"][0][when]["ap50"]
        assert result[when]["corrections"] >= 0
    assert json.loads((tmp_path / "new" / "metrics.json").read_text())["images"] == ["a", "b"]
    assert (
        main(["segment", str(corrected / "images"), "--segmenter", str(tmp_path / "new"), "--out", str(tmp_path / "o")])
        == 0
    )


def test_it_learns_what_it_is_shown(corrected, base):
    """The loss of the labels falls: the flows and planes belong to the same cells."""
    from cellapp.training.segmenter.train import train_on_examples

    examples = [prepare_own(image) for image in own_images(corrected)]
    told = []
    recipe = recipe_of(base, RetrainSettings(steps=40, learning_rate=0.01)).model_copy(update={"crop_px": 48})
    train_on_examples(recipe, examples, base.parent / "new", start=base,
                      on_step=lambda step, done: told.append(float(step.split()[-1])))  # fmt: skip
    assert told[-1] < told[0]
    assert examples[0].labels.max() == 2
    assert examples[0].planes.shape == (1, 64, 64)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--start", "classical"], "cannot be retrained"),
        (["--epochs", "3"], "learns by --steps; it has no --epochs"),
        (["--learning-rate", "-1"], "learning_rate"),
        (["--recipe", "r.toml", "--steps", "3"], "a recipe says how"),
    ],
)
def test_what_cannot_be_done_is_said(more, says, corrected, base, tmp_path, capsys):
    assert run(corrected, base, tmp_path / "new", *more) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_cellpose_model_learns_by_its_own_function_and_stays_in_its_format(corrected, tmp_path, capsys):
    torch.manual_seed(0)
    net = ResidualUNet((4, 8))
    weights = tmp_path / "cyto"
    torch.save(net.state_dict(), weights)
    assert (
        run(corrected, weights, tmp_path / "new", "--epochs", "3", "--learning-rate", "0.01", "--weight-decay", "0")
        == 0
    )
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["settings"] == {"epochs": 3, "learning_rate": 0.01, "weight_decay": 0.0, "batch": 1}
    assert (result["n_cells"], len(result["held_out"])) == (4, 1)
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"cellpose", "metrics.json"}
    state = read_state(tmp_path / "new" / "cellpose")
    assert state.keys() == net.state_dict().keys()
    assert any((state[name] != tensor).any() for name, tensor in net.state_dict().items())
    again = ["--start", str(tmp_path / "new" / "cellpose"), "--steps", "3"]
    assert run(corrected, weights, tmp_path / "more", *again) == 2
    assert "learns by --epochs; it has no --steps" in capsys.readouterr().err
    record = add_segmenter(default_project().id, tmp_path / "new", "own cyto")
    assert load_model(record.identity).name.startswith("cellpose:own cyto")
    stream = io.BytesIO()
    export_segmenter(record, stream)
    assert stream.getvalue() == (tmp_path / "new" / "cellpose").read_bytes()
    assert f"{record.identity}/cellpose" in weights_of([record.identity])


def test_a_folder_without_labels_is_refused_by_both_ways(tmp_path, base, capsys):
    recipe = tmp_path / "r.toml"
    recipe.write_text("steps = 1\n")
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", base, tmp_path / "o") == 2
    recipe_way = ["--data", str(tmp_path / "empty"), "--recipe", str(recipe), "--out", str(tmp_path / "o")]
    assert main(["train-segmenter", *recipe_way]) == 2
    assert capsys.readouterr().err.count("no image with labels") == 2
    with pytest.raises(InputError, match="cannot be retrained"):
        network_folder(str(tmp_path))


def test_of_a_large_image_the_fullest_square_is_learnt_from():
    labels = np.zeros((100, 130), np.int32)
    labels[70:90, 100:120] = 3
    window = fullest_window(labels, 40)
    assert (window.height, window.width) == (40, 40)
    assert np.count_nonzero(labels[window.slices]) == 400
    assert fullest_window(labels).slices == (slice(0, 100), slice(0, 130))
