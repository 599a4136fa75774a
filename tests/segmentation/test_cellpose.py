"""Cellpose's dynamics on networks whose answer is known."""

import numpy as np
import pytest
import torch

from cellapp.compute import torchvision_shim
from cellapp.errors import ModelError
from cellapp.segmentation.cellpose import CellposeSegmenter
from cellapp.segmentation.metrics import score_labels
from cellapp.segmentation.run_segmenter import segment
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role
from cellapp.types.protocols import Segmenter
from tests.segmentation.phantoms import discs

torchvision_shim.install()

pytestmark = pytest.mark.slow

PHOTO = (Role.COLOUR,) * 3
SETTINGS = SegmentSettings(diameter=30)
SPAN = 12.0  # flows and probabilities lie within half of this around 0


class Messenger(torch.nn.Module):
    """Reads its answer from the picture: planes are flows and probability, scaled to 0..1."""

    def __init__(self):
        super().__init__()
        self.device, self.dtype, self.n_calls = torch.device("cpu"), torch.float32, 0

    def forward(self, x):
        self.n_calls += 1
        return (x - 0.5) * SPAN, torch.zeros((len(x), 256))


def picture_of(truth):
    """The picture that makes a Messenger answer with the flows of a label image."""
    from cellpose.dynamics import masks_to_flows_gpu

    flow = masks_to_flows_gpu(truth)[0] * 5 if truth.any() else np.zeros((2, *truth.shape))
    answer = np.concatenate([flow, np.where(truth > 0, 5.0, -5.0)[None]])
    return (answer / SPAN + 0.5).astype(np.float32)


@pytest.fixture(scope="module")
def truth():
    return discs((300, 320), [(40 + 38 * i, 40 + 38 * j) for i in range(6) for j in range(7)], 16)


@pytest.fixture
def messenger():
    return CellposeSegmenter.from_network(Messenger(), "messenger", reads_photos=True)


def test_known_flows_give_the_known_cells(messenger, truth):
    mask = segment(picture_of(truth), PHOTO, messenger, SETTINGS)
    score = score_labels(mask.labels, truth)
    assert score.n_pred == score.n_truth == 42
    assert score.ap75 == 1
    assert score.iou >= 0.8
    assert mask.labels.dtype == np.int32
    assert mask.segmenter.startswith("cellpose:messenger@")
    assert isinstance(messenger, Segmenter)


def test_moving_thresholds_does_not_call_the_network_again(messenger, truth):
    flows = messenger.flows(picture_of(truth), PHOTO, SETTINGS)
    n_calls = messenger._net.n_calls
    counts = [
        messenger.masks(flows, SETTINGS.model_copy(update=change)).max()
        for change in ({}, {"cellprob_threshold": 6.0}, {"flow_threshold": 0.2}, {"min_size_px": 10_000})
    ]
    assert messenger._net.n_calls == n_calls > 0
    assert (counts[0], counts[1], counts[3]) == (42, 0, 0)


@pytest.mark.parametrize("n", [0, 1])
def test_no_cell_and_one_cell_are_results(messenger, n):
    truth = discs((70, 60), [(35, 30)][:n], 15)
    assert segment(picture_of(truth), PHOTO, messenger, SETTINGS).cell_ids.tolist() == list(range(1, n + 1))


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (5, 3)])
def test_the_smallest_images_work(messenger, shape):
    pixels = picture_of(np.zeros(shape, np.int32))
    for diameter in (30, 90):
        mask = segment(pixels, PHOTO, messenger, SegmentSettings(diameter=diameter))
        assert mask.labels.shape == shape
        assert mask.labels.max() == 0


def test_cells_of_another_size_are_scaled_for_the_network(messenger):
    truth = discs((400, 400), [(100, 100), (100, 300), (300, 200)], 60)
    mask = segment(picture_of(truth), PHOTO, messenger, SegmentSettings(diameter=120))
    assert mask.labels.shape == truth.shape
    assert score_labels(mask.labels, truth).ap50 == 1


class Looker(Messenger):
    """Keeps what it was shown."""

    def forward(self, x):
        self.seen = x.clone()
        return super().forward(x)


def test_cells_come_first_and_nuclei_second_whatever_their_place():
    looker = Looker()
    segmenter = CellposeSegmenter.from_network(looker, "looker")
    pixels = np.stack([np.full((256, 256), value, np.float32) for value in (0.1, 0.2, 0.3)])
    segmenter.flows(pixels, (Role.NUCLEUS, Role.OTHER, Role.CYTOPLASM), SETTINGS)
    middle = looker.seen[0, :, 128, 128].tolist()
    assert middle == pytest.approx([0.3, 0.1, 0.0])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match="absent"):
        CellposeSegmenter(tmp_path / "absent")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 torn"])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "damaged").write_bytes(content)
    with pytest.raises(ModelError, match="damaged"):
        CellposeSegmenter(tmp_path / "damaged")


def test_a_file_of_another_network_is_refused(tmp_path):
    torch.save({"downsample.weight": torch.zeros(2)}, tmp_path / "cyto3")
    with pytest.raises(ModelError, match="no network of Cellpose"):
        CellposeSegmenter(tmp_path / "cyto3")


class Payload:
    """What a pickle could do."""

    def __reduce__(self):
        return print, ("ran",)


def test_code_in_a_file_is_not_run(tmp_path, capsys):
    torch.save({"W2": Payload()}, tmp_path / "evil")
    with pytest.raises(ModelError, match="evil"):
        CellposeSegmenter(tmp_path / "evil")
    assert "ran" not in capsys.readouterr().out


def test_cpdino_without_dinov3_says_how(tmp_path, monkeypatch):
    state = {"W2": torch.zeros(1), "encoder.cls_token": torch.zeros(1)}
    torch.save(state | {"encoder.patch_embed.proj.weight": torch.zeros(768, 1)}, tmp_path / "cpdino-vitb")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install"):
        CellposeSegmenter(tmp_path / "cpdino-vitb")


def test_a_file_with_parts_missing_is_refused(tmp_path, monkeypatch):
    from cellpose import vit

    monkeypatch.setattr(vit, "CPSAM", lambda dtype: torch.nn.Linear(2, 2))
    torch.save({"W2": torch.zeros(1), "weight": torch.zeros(2, 2)}, tmp_path / "half")
    with pytest.raises(ModelError, match="bias"):
        CellposeSegmenter(tmp_path / "half")
