"""Weights files: read as tensors only, and refused in one sentence when they are something else."""

import pickle

import pytest
import torch

from cellapp.errors import ModelError
from cellapp.segmentation.cellpose_weights import DINO_WIDTHS, backbone_of, read_state


def written(path, state):
    torch.save(state, path)
    return path


@pytest.mark.parametrize("prefix", ["", "module."])
def test_tensors_come_back_under_their_plain_names(tmp_path, prefix):
    state = {f"{prefix}W2": torch.arange(6.0), f"{prefix}encoder.x": torch.ones(2, 3)}
    read = read_state(written(tmp_path / "weights", state))
    assert set(read) == {"W2", "encoder.x"}
    assert torch.equal(read["W2"], torch.arange(6.0))


class Touch:
    """An object that writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_code_in_a_file_is_never_run(tmp_path):
    evil = tmp_path / "evil"
    evil.write_bytes(pickle.dumps({"W2": Touch(tmp_path / "touched")}))
    with pytest.raises(ModelError, match="not readable as Cellpose weights"):
        read_state(evil)
    torch.save({"W2": Touch(tmp_path / "touched")}, evil)
    (tmp_path / "touched").unlink(missing_ok=True)
    with pytest.raises(ModelError):
        read_state(evil)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut off"])
def test_damaged_files_are_one_sentence(tmp_path, content):
    (tmp_path / "damaged").write_bytes(content)
    with pytest.raises(ModelError, match="'damaged' is not readable") as caught:
        read_state(tmp_path / "damaged")
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_another_network_are_told_apart(tmp_path):
    with pytest.raises(ModelError, match="no Cellpose weights at"):
        read_state(tmp_path / "nowhere")
    for other in ({"downsample.weight": torch.ones(1)}, [torch.ones(1)]):
        with pytest.raises(ModelError, match="no network of Cellpose, version 1 to 4"):
            read_state(written(tmp_path / "other", other))


@pytest.mark.parametrize(("width", "backbone"), sorted(DINO_WIDTHS.items()))
def test_the_width_of_the_encoder_tells_the_backbone(tmp_path, width, backbone):
    state = {"encoder.cls_token": torch.ones(1), "encoder.patch_embed.proj.weight": torch.ones(width, 3, 1, 1)}
    assert backbone_of(state, tmp_path / "weights") == backbone


def test_an_encoder_without_class_token_is_sam_and_an_unknown_width_is_refused(tmp_path):
    assert backbone_of({}, tmp_path / "weights") == "sam_vitl"
    state = {"encoder.cls_token": torch.ones(1), "encoder.patch_embed.proj.weight": torch.ones(384, 3, 1, 1)}
    with pytest.raises(ModelError, match="width 384; known are"):
        backbone_of(state, tmp_path / "weights")
