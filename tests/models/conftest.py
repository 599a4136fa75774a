"""A hub with one tiny encoder, and a registry that names it."""

import hashlib

import pytest

from cellapp.config import app_settings
from cellapp.models import registry as registry_module
from cellapp.models.registry import ModelEntry, registry
from tests.encoders.tiny import write_encoder
from tests.models.hub_server import HubServer

NAME, FILES = "lab/tiny", ("config.json", "preprocessor_config.json", "model.safetensors")


@pytest.fixture(scope="session")
def tiny_files(tmp_path_factory):
    folder = write_encoder(tmp_path_factory.mktemp("hub"))
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture
def hub(tiny_files):
    server = HubServer({NAME: dict(tiny_files)})
    yield server
    server.close()


@pytest.fixture
def home(tmp_path, hub, monkeypatch):
    monkeypatch.setenv("CELLAPP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CELLAPP_HUB_URL", hub.url)
    monkeypatch.setenv("CELLAPP_DTYPE", "float32")
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.delenv("CELLAPP_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 64)  # what is not a full chunk is asked again
    app_settings.cache_clear()
    yield tmp_path / "home"
    app_settings.cache_clear()


@pytest.fixture
def declare(monkeypatch, home, tiny_files):
    """Replace the registry by one entry, changed as a test needs."""

    def _declare(**changes):
        facts = {
            "kind": "encoder",
            "adapter": "dino",
            "source": "hub",
            "licence": "none",
            "purpose": "tests",
            "trained_on": "nothing",
            "bytes": sum(len(content) for content in tiny_files.values()),
            "repo": NAME,
            "files": dict.fromkeys(FILES, ""),
        }
        model = ModelEntry(name=NAME, **(facts | changes))
        known = {"classical": registry()["classical"], NAME: model}
        monkeypatch.setattr("cellapp.models.registry.registry", lambda: known)
        assert registry_module.entry(NAME) is model
        return model

    return _declare


@pytest.fixture
def pins(tiny_files):
    return {name: hashlib.sha256(content).hexdigest() for name, content in tiny_files.items()}
