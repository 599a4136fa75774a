"""Files come through the real download code from a hub on this machine, and only the right ones stay."""

import hashlib
import tomllib

import numpy as np
import pytest

from cellapp.config import app_settings
from cellapp.errors import Cancelled, InputError, ModelError
from cellapp.models.checksums import LockedModel, read_lock
from cellapp.models.fetch import fetch_model
from cellapp.models.load import load_model
from cellapp.models.status import status
from tests.encoders.tiny import write_convolutional
from tests.models.conftest import FILES, NAME
from tests.models.hub_server import COMMIT

OTHER_COMMIT = "f" * 40


def test_the_first_download_decides_what_later_loads_are_held_to(declare, home, hub, pins):
    declare()
    folder = fetch_model(NAME)
    assert sorted(path.name for path in folder.iterdir() if path.suffix in (".json", ".safetensors")) == sorted(FILES)
    lock = tomllib.loads((home / "models.lock.toml").read_text())
    assert lock == {NAME: {"revision": COMMIT, "files": pins}}
    encoder = load_model(NAME)
    assert encoder.identity == f"{NAME}@{COMMIT}"
    assert encoder.embed(np.zeros((2, 3, 32, 32), np.float32), np.arange(2)).cls.shape == (2, 16)


def test_networks_of_timm_are_checked_alike(declare, hub, home, tmp_path):
    folder = write_convolutional(tmp_path / "published")
    hub.files[NAME] = {name: (folder / name).read_bytes() for name in ("config.json", "model.safetensors")}
    declare(adapter="timm", files=dict.fromkeys(hub.files[NAME], ""), input_px=96)
    encoder = load_model(fetch_model(NAME).name.replace("--", "/"))
    assert (encoder.identity, encoder.input_px, encoder.grid) == (f"{NAME}@{COMMIT}", 96, (3, 3))
    with (home / "models" / "lab--tiny" / "model.safetensors").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match="sha256 differs"):
        load_model(NAME)


def test_the_second_use_asks_the_hub_for_nothing(declare, hub):
    declare()
    fetch_model(NAME)
    n_requests = len(hub.requests)
    fetch_model(NAME)
    load_model(NAME)
    assert len(hub.requests) == n_requests
    assert status(NAME).state == "cached"


def test_progress_rises_to_one(declare):
    declare()
    seen = []
    fetch_model(NAME, lambda step, fraction: seen.append((step, fraction)))
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1, abs=0.01)
    assert "model.safetensors" in seen[-1][0]


def test_a_pinned_digest_is_enforced(declare, home, hub, pins):
    declare(revision=COMMIT, files=pins | {"model.safetensors": "0" * 64})
    with pytest.raises(ModelError, match="not the file it should be"):
        fetch_model(NAME)
    assert not list((home / "models").rglob("model.safetensors*"))
    assert not status(NAME).present


def test_bytes_that_are_not_what_the_hub_declares_are_thrown_away(declare, home, hub):
    declare()
    hub.etag = "a" * 64
    with pytest.raises(ModelError, match="not the file it should be"):
        fetch_model(NAME)
    assert not list((home / "models").rglob("model.safetensors*"))
    assert not (home / "models.lock.toml").exists()


def test_small_files_are_checked_by_their_git_name(declare, hub):
    declare()
    hub.blob = "b" * 40
    with pytest.raises(ModelError, match=r"config\.json"):
        fetch_model(NAME)


def test_a_dropped_connection_is_resumed_within_one_call(declare, hub, tiny_files):
    declare()
    size = len(tiny_files["config.json"])
    hub.drop_after = size // 2
    fetch_model(NAME)
    ranges = [asked for _, file, asked in hub.downloads("config.json")]
    assert ranges == [None, f"bytes={size // 2 // 64 * 64}-"]


def test_an_interrupted_download_goes_on_in_the_next_call(declare, home, hub, tiny_files):
    declare(files={"model.safetensors": ""})
    half = len(tiny_files["model.safetensors"]) // 2
    hub.drop_after, hub.busy_after_drop = half, True
    with pytest.raises(ModelError, match="goes on where it stopped"):
        fetch_model(NAME)
    (partial,) = (home / "models").rglob("*.partial")
    kept = partial.stat().st_size
    assert half - 64 < kept <= half
    hub.refuse_status = None
    fetch_model(NAME)
    assert hub.downloads()[-1] == ("GET", "model.safetensors", f"bytes={kept}-")
    assert not list((home / "models").rglob("*.partial"))


def test_a_cancelled_download_goes_on_in_the_next_call(declare, home, hub):
    declare()

    def stop(step, fraction):
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        fetch_model(NAME, stop)
    fetch_model(NAME)
    assert status(NAME).present


@pytest.mark.parametrize("answer", [401, 403])
def test_a_gated_model_says_how_to_get_access(declare, hub, answer):
    declare(gated=True)
    assert status(NAME).state == "gated"
    assert "HF_TOKEN" in status(NAME).words
    hub.refuse_status = answer
    with pytest.raises(ModelError, match=rf"accept the terms at {hub.url}/{NAME}, set HF_TOKEN"):
        fetch_model(NAME)


def test_a_hub_that_is_away_is_a_plain_message(declare, hub):
    declare()
    hub.close()
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        fetch_model(NAME)
    assert "\n" not in str(caught.value)
    assert "CELLAPP_HUB_URL" in str(caught.value)


def test_a_hub_in_trouble_is_a_plain_message(declare, hub):
    declare()
    hub.refuse_status = 500
    with pytest.raises(ModelError, match="HTTP 500"):
        fetch_model(NAME)


def test_offline_asks_nothing(declare, hub, monkeypatch):
    declare()
    monkeypatch.setenv("CELLAPP_OFFLINE", "1")
    app_settings.cache_clear()
    with pytest.raises(ModelError, match=f"CELLAPP_OFFLINE forbids downloads.*models fetch {NAME}"):
        fetch_model(NAME)
    assert not hub.requests


def test_a_file_changed_after_the_download_is_refused(declare, home):
    declare()
    folder = fetch_model(NAME)
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(ModelError, match=f"models fetch {NAME}"):
        load_model(NAME)
    fetch_model(NAME)
    load_model(NAME)


def test_another_pinned_revision_is_fetched_anew(declare, hub):
    declare()
    fetch_model(NAME)
    declare(revision=OTHER_COMMIT)
    assert status(NAME).state == "missing"
    with pytest.raises(ModelError, match=f"revision {OTHER_COMMIT}"):
        fetch_model(NAME)


def test_a_repository_without_safetensors_is_refused(declare, hub):
    declare()
    del hub.files[NAME]["model.safetensors"]
    hub.files[NAME]["pytorch_model.bin"] = b"pickle"
    with pytest.raises(ModelError, match="convert them to safetensors"):
        fetch_model(NAME)


@pytest.fixture
def on_the_web(hub, declare, monkeypatch):
    """A model of one file that no hub has, at a configured address."""
    content = b"weights of an older Cellpose" * 100
    hub.files["web"] = {"cyto3": content}
    monkeypatch.setenv("CELLAPP_CELLPOSE_URL", f"{hub.url}/web/")
    app_settings.cache_clear()
    model = declare(
        kind="segmenter", adapter="cellpose", source="cellpose.org", repo="", files={"cyto3": ""}, bytes=len(content)
    )
    return model, hashlib.sha256(content).hexdigest()


def test_a_file_at_an_address_is_held_to_the_sha256_that_is_given(on_the_web):
    model, digest = on_the_web
    with pytest.raises(ModelError, match=r"is not the file it should be .*expected 000000000000"):
        fetch_model(model.name, sha256="0" * 64)
    assert not (model.folder / "cyto3").exists()
    fetch_model(model.name, sha256=digest.upper())
    assert read_lock()[model.name].files == {"cyto3": digest}
    assert status(model.name).state == "cached"


def test_a_file_at_an_address_is_trusted_at_first_use_and_held_to_it(on_the_web, hub):
    model, digest = on_the_web
    fetch_model(model.name)
    assert read_lock()[model.name] == LockedModel("", {"cyto3": digest})
    hub.files["web"]["cyto3"] = b"another"
    (model.folder / "cyto3").unlink()
    with pytest.raises(ModelError, match="is not the file it should be"):
        fetch_model(model.name)


def test_the_token_of_the_hub_is_not_sent_elsewhere(on_the_web, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    model, _ = on_the_web
    fetch_model(model.name)
    assert hub.tokens == []


@pytest.mark.parametrize("digest", ["abc", "z" * 64])
def test_a_sha256_that_is_none_is_refused(on_the_web, digest):
    with pytest.raises(InputError, match="64 hexadecimal digits"):
        fetch_model(on_the_web[0].name, sha256=digest)


def test_a_mirror_that_is_away_is_named_with_the_setting_to_change(on_the_web, hub):
    model, _ = on_the_web
    hub.close()
    with pytest.raises(ModelError, match="CELLAPP_CELLPOSE_URL to a mirror"):
        fetch_model(model.name)
