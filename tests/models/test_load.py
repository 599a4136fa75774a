"""From a name or a path to a verified model, without a download."""

import subprocess
import sys

import pytest

from cellapp.classification.head_io import save_head
from cellapp.config import app_settings
from cellapp.encoders.dino import HubEncoder
from cellapp.errors import ModelError
from cellapp.models.fetch import fetch_model
from cellapp.models.load import load_model
from cellapp.models.status import status
from tests.classification.heads import random_head
from tests.encoders.tiny import write_encoder
from tests.models.conftest import NAME
from tests.paths import ROOT

pytestmark = pytest.mark.slow


def test_offline_still_loads_what_is_here(declare, hub, monkeypatch):
    declare()
    fetch_model(NAME)
    monkeypatch.setenv("CELLAPP_OFFLINE", "1")
    app_settings.cache_clear()
    hub.close()
    assert isinstance(load_model(NAME), HubEncoder)


def test_loading_never_downloads(declare, hub):
    declare()
    with pytest.raises(ModelError, match=f"python -m cellapp models fetch {NAME}"):
        load_model(NAME)
    assert not hub.requests


def test_an_unknown_name_lists_the_known_ones(declare):
    declare()
    with pytest.raises(ModelError, match=f"classical, {NAME}"):
        load_model("cpsam_v9")


def test_classical_needs_no_files():
    assert load_model("classical").name.startswith("classical@")
    assert fetch_model("classical")
    assert status("classical").state == "present"


def test_an_encoder_folder_loads_by_path(tmp_path):
    encoder = load_model(str(write_encoder(tmp_path / "mine")), dtype="float32")
    again = load_model(str(write_encoder(tmp_path / "other", seed=1)), dtype="float32")
    assert encoder.dim == 16
    assert encoder.revision != again.revision


def test_a_head_folder_loads_by_path(tmp_path):
    head = save_head(random_head(), tmp_path)
    assert load_model(str(tmp_path)).identity == head.identity


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(ModelError, match="neither"):
        load_model(str(tmp_path))


PROBE = """
import sys
from cellapp.models.load import load_model
load_model({name!r})
print([library for library in {watched!r} if library in sys.modules])
"""


FIRST_RUN = """
import sys
import numpy as np
from cellapp.models.bundle import load_run_models
from cellapp.settings import AnalyseSettings
from cellapp.types.image import Role
settings = AnalyseSettings()
models = load_run_models(settings, device="cpu", dtype="float32")
pixels = np.zeros((2, 64, 64), np.float32)
pixels[:, 20:44, 20:44] = 1
roles = (Role.NUCLEUS, Role.CYTOPLASM)
models.segmenter.masks(models.segmenter.flows(pixels, roles, settings.segment), settings.segment)
vectors = models.encoder.embed(np.zeros((1, 3, models.encoder.input_px, models.encoder.input_px), np.float32), [1])
models.head.probabilities(vectors.features)
watched = ("torchvision", "torch._dynamo", "cellpose", "transformers", "timm", "sklearn", "scipy.stats", "matplotlib")
print([library for library in watched if library in sys.modules])
"""


def test_a_run_with_the_models_that_ship_imports_nothing_it_does_not_use():
    """Each of these takes a fifth of a second to two seconds, which somebody would wait for at a first result."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FIRST_RUN], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(("name", "absent"), [("classical", ("torch", "sklearn")), ("demo-head", ("torch", "timm"))])
def test_loading_imports_only_what_the_model_uses(name, absent):
    watched = (*absent, "transformers", "cellpose", "huggingface_hub")
    probe = PROBE.format(name=name, watched=watched)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", probe], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
