"""From a name to a verified model, through the real download code and a hub on this machine."""

import tomllib

import numpy as np
import pytest

from cellapp.classification.head_io import save_head
from cellapp.config import app_settings
from cellapp.encoders.dino import HubEncoder
from cellapp.errors import Cancelled, ModelError
from cellapp.models import load
from cellapp.settings import AnalyseSettings, ClassifySettings, SegmentSettings
from tests.classification.heads import random_head
from tests.encoders.tiny import write_encoder
from tests.models.conftest import FILES, NAME
from tests.models.hub_server import COMMIT

OTHER_COMMIT = "f" * 40


def test_the_first_download_decides_what_later_loads_are_held_to(declare, home, hub, pins):
    declare()
    folder = load.fetch(NAME)
    assert sorted(path.name for path in folder.iterdir() if path.suffix in (".json", ".safetensors")) == sorted(FILES)
    lock = tomllib.loads((home / "models.lock.toml").read_text())
    assert lock == {NAME: {"revision": COMMIT, "files": pins}}
    encoder = load.load(NAME)
    assert encoder.identity == f"{NAME}@{COMMIT}"
    assert encoder.embed(np.zeros((2, 3, 32, 32), np.float32), np.arange(2)).cls.shape == (2, 16)


def test_the_second_use_asks_the_hub_for_nothing(declare, hub):
    declare()
    load.fetch(NAME)
    n_requests = len(hub.requests)
    load.fetch(NAME)
    load.load(NAME)
    assert len(hub.requests) == n_requests
    assert load.status(NAME).state == "cached"


def test_progress_rises_to_one(declare):
    declare()
    seen = []
    load.fetch(NAME, lambda step, fraction: seen.append((step, fraction)))
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1, abs=0.01)
    assert "model.safetensors" in seen[-1][0]


def test_a_pinned_digest_is_enforced(declare, home, hub, pins):
    declare(revision=COMMIT, files=pins | {"model.safetensors": "0" * 64})
    with pytest.raises(ModelError, match="not the file it should be"):
        load.fetch(NAME)
    assert not list((home / "models").rglob("model.safetensors*"))
    assert not load.status(NAME).present


def test_bytes_that_are_not_what_the_hub_declares_are_thrown_away(declare, home, hub):
    declare()
    hub.etag = "a" * 64
    with pytest.raises(ModelError, match="not the file it should be"):
        load.fetch(NAME)
    assert not list((home / "models").rglob("model.safetensors*"))
    assert not (home / "models.lock.toml").exists()


def test_small_files_are_checked_by_their_git_name(declare, hub):
    declare()
    hub.blob = "b" * 40
    with pytest.raises(ModelError, match=r"config\.json"):
        load.fetch(NAME)


def test_a_dropped_connection_is_resumed_within_one_call(declare, hub, tiny_files):
    declare()
    size = len(tiny_files["config.json"])
    hub.drop_after = size // 2
    load.fetch(NAME)
    ranges = [asked for _, file, asked in hub.downloads("config.json")]
    assert ranges == [None, f"bytes={size // 2 // 64 * 64}-"]


def test_an_interrupted_download_goes_on_in_the_next_call(declare, home, hub, tiny_files):
    declare(files={"model.safetensors": ""})
    half = len(tiny_files["model.safetensors"]) // 2
    hub.drop_after, hub.busy_after_drop = half, True
    with pytest.raises(ModelError, match="goes on where it stopped"):
        load.fetch(NAME)
    (partial,) = (home / "models").rglob("*.partial")
    kept = partial.stat().st_size
    assert half - 64 < kept <= half
    hub.refuse_status = None
    load.fetch(NAME)
    assert hub.downloads()[-1] == ("GET", "model.safetensors", f"bytes={kept}-")
    assert not list((home / "models").rglob("*.partial"))


def test_a_cancelled_download_goes_on_in_the_next_call(declare, home, hub):
    declare()

    def stop(step, fraction):
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        load.fetch(NAME, stop)
    load.fetch(NAME)
    assert load.status(NAME).present


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_model_says_how_to_get_access(declare, hub, status):
    declare(gated=True)
    assert load.status(NAME).state == "gated"
    assert "HF_TOKEN" in load.status(NAME).words
    hub.refuse_status = status
    with pytest.raises(ModelError, match=rf"accept the terms at {hub.url}/{NAME}, set HF_TOKEN"):
        load.fetch(NAME)


def test_a_hub_that_is_away_is_a_plain_message(declare, hub):
    declare()
    hub.close()
    with pytest.raises(ModelError, match="cannot be reached") as caught:
        load.fetch(NAME)
    assert "\n" not in str(caught.value)
    assert "CELLAPP_HUB_URL" in str(caught.value)


def test_a_hub_in_trouble_is_a_plain_message(declare, hub):
    declare()
    hub.refuse_status = 500
    with pytest.raises(ModelError, match="HTTP 500"):
        load.fetch(NAME)


def test_offline_asks_nothing(declare, hub, monkeypatch):
    declare()
    monkeypatch.setenv("CELLAPP_OFFLINE", "1")
    app_settings.cache_clear()
    with pytest.raises(ModelError, match=f"CELLAPP_OFFLINE forbids downloads.*models fetch {NAME}"):
        load.fetch(NAME)
    assert not hub.requests


def test_offline_still_loads_what_is_here(declare, hub, monkeypatch):
    declare()
    load.fetch(NAME)
    monkeypatch.setenv("CELLAPP_OFFLINE", "1")
    app_settings.cache_clear()
    hub.close()
    assert isinstance(load.load(NAME), HubEncoder)


def test_loading_never_downloads(declare, hub):
    declare()
    with pytest.raises(ModelError, match=f"python -m cellapp models fetch {NAME}"):
        load.load(NAME)
    assert not hub.requests


def test_a_file_changed_after_the_download_is_refused(declare, home):
    declare()
    folder = load.fetch(NAME)
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    with pytest.raises(ModelError, match=f"models fetch {NAME}"):
        load.load(NAME)
    load.fetch(NAME)
    load.load(NAME)


def test_another_pinned_revision_is_fetched_anew(declare, hub):
    declare()
    load.fetch(NAME)
    declare(revision=OTHER_COMMIT)
    assert load.status(NAME).state == "missing"
    with pytest.raises(ModelError, match=f"revision {OTHER_COMMIT}"):
        load.fetch(NAME)


def test_a_repository_without_safetensors_is_refused(declare, hub):
    declare()
    del hub.files[NAME]["model.safetensors"]
    hub.files[NAME]["pytorch_model.bin"] = b"pickle"
    with pytest.raises(ModelError, match="convert them to safetensors"):
        load.fetch(NAME)


def test_a_damaged_lock_file_says_what_to_do(declare, home):
    declare()
    home.mkdir()
    (home / "models.lock.toml").write_text("[")
    with pytest.raises(ModelError, match="fetch the models again"):
        load.status(NAME)


def test_a_missing_package_makes_a_model_incompatible(declare):
    declare(needs="no_such_package", needs_install="pip install it")
    assert load.status(NAME).state == "incompatible"
    with pytest.raises(ModelError, match="pip install it"):
        load.load(NAME)


def test_cards_say_how_a_model_is_known(declare, pins):
    declare()
    assert "trust on first use" in load.card(NAME)
    declare(revision=COMMIT, files=pins)
    assert f"commit {COMMIT} and sha256" in load.card(NAME)


def test_an_unknown_name_lists_the_known_ones(declare):
    declare()
    with pytest.raises(ModelError, match=f"classical, {NAME}"):
        load.load("cpsam_v9")


def test_classical_needs_no_files():
    assert load.load("classical").name.startswith("classical@")
    assert load.fetch("classical")
    assert load.status("classical").state == "present"


def test_an_encoder_folder_loads_by_path(tmp_path):
    encoder = load.load(str(write_encoder(tmp_path / "mine")), dtype="float32")
    again = load.load(str(write_encoder(tmp_path / "other", seed=1)), dtype="float32")
    assert encoder.dim == 16
    assert encoder.revision != again.revision


def test_a_head_folder_loads_by_path(tmp_path):
    head = save_head(random_head(), tmp_path)
    assert load.load(str(tmp_path)).identity == head.identity


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(ModelError, match="neither"):
        load.load(str(tmp_path))


def test_digests_of_a_run_cover_every_file(tmp_path, pins, declare):
    declare(revision=COMMIT, files=pins)
    save_head(random_head(encoder=f"{NAME}@{COMMIT}"), tmp_path / "head")
    classical = SegmentSettings(segmenter="classical")  # the default one is not in this registry
    settings = AnalyseSettings(segment=classical, classify=ClassifySettings(head=str(tmp_path / "head")))
    digests = load.weights_digests(settings)
    assert {f"{NAME}/{file}" for file in FILES} < set(digests)
    assert any(key.endswith("head.safetensors") for key in digests)
    assert all(len(value) == 64 for value in digests.values())
    assert load.weights_digests(AnalyseSettings(segment=classical, classify=ClassifySettings(head=None))) == {}


def test_own_heads_are_those_below_the_home_folder(home):
    assert load.own_heads() == []
    for name in ("b", "a"):
        save_head(random_head(), home / "heads" / name)
    (home / "heads" / "notes").mkdir()
    assert load.own_heads() == [str(home / "heads" / name) for name in ("a", "b")]
    assert load.load(load.own_heads()[0]).classes == ("cancer", "normal")
