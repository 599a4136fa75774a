"""What is said of models without loading one."""

import pytest

from cellapp.classification.head_io import save_head
from cellapp.errors import ModelError
from cellapp.models.load import load_model
from cellapp.models.registry import registry
from cellapp.models.status import READY, card, own_heads, require_ready, status
from tests.classification.heads import random_head
from tests.models.conftest import FILES, NAME
from tests.models.hub_server import COMMIT


def test_a_damaged_lock_file_says_what_to_do(declare, home):
    declare()
    home.mkdir()
    (home / "models.lock.toml").write_text("[")
    with pytest.raises(ModelError, match="fetch the models again"):
        status(NAME)


def test_a_missing_package_makes_a_model_incompatible(declare):
    declare(needs="no_such_package", needs_install="pip install it")
    assert status(NAME).state == "incompatible"
    with pytest.raises(ModelError, match="pip install it"):
        load_model(NAME)


def test_cards_say_how_a_model_is_known(declare, pins):
    declare()
    assert "trust on first use" in card(NAME)
    declare(revision=COMMIT, files=pins)
    assert f"commit {COMMIT} and sha256" in card(NAME)


def test_own_heads_are_those_below_the_home_folder(home):
    assert own_heads() == []
    for name in ("b", "a"):
        save_head(random_head(), home / "heads" / name)
    (home / "heads" / "notes").mkdir()
    assert own_heads() == [str(home / "heads" / name) for name in ("a", "b")]
    assert load_model(own_heads()[0]).classes == ("cancer", "normal")


def test_bundled_and_built_in_models_are_ready_without_a_network(monkeypatch):
    monkeypatch.setenv("CELLAPP_OFFLINE", "1")
    of_source = {"built-in": "present", "bundled": "bundled"}
    for name, model in registry().items():
        found = status(name)
        assert found.present == (found.state in READY)
        if model.source in of_source:
            assert found.state == of_source[model.source], name
        assert (found.folder is None) == (not model.files)


def test_what_is_not_ready_cannot_be_required(declare):
    model = declare()
    assert not status(NAME).present
    with pytest.raises(ModelError) as caught:
        require_ready(model)
    assert str(caught.value) == f"{NAME}: {status(NAME).words}"


def test_names_files_and_digests_make_a_model_ready_whatever_is_in_the_files(declare, pins):
    model = declare(revision=COMMIT, files=pins)
    model.folder.mkdir(parents=True)
    for name in FILES:
        assert status(NAME).state == "missing"
        (model.folder / name).write_bytes(b"other bytes")
    assert status(NAME).state == "cached"
    with pytest.raises(ModelError, match="its sha256 differs"):
        require_ready(model)
