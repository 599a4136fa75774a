"""What models/registry.toml declares holds together."""

import re

import pytest

from cellapp.encoders.hf_folder import FILES
from cellapp.errors import ModelError
from cellapp.models.registry import ModelEntry, entry, is_demonstration, network_output, registry
from cellapp.models.status import card, status
from tests.paths import ROOT


@pytest.mark.parametrize("name", sorted(registry()))
def test_every_entry_says_what_it_is(name):
    model = entry(name)
    assert model.licence
    assert model.purpose
    assert model.trained_on
    assert all(re.fullmatch("[0-9a-f]{64}|", digest) for digest in model.files.values())
    assert re.fullmatch("[0-9a-f]{40}|", model.revision)
    assert card(name).startswith(f"# {name}\n")
    assert "\n" not in status(name).words


@pytest.mark.parametrize("model", [m for m in registry().values() if m.source == "hub"], ids=lambda m: m.name)
def test_hub_models_name_their_repository_and_files(model):
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", model.repo)
    assert model.bytes > 1_000_000
    if model.adapter == "dino":
        assert set(model.files) == set(FILES)
    elif model.adapter == "timm":
        assert set(model.files) == {"config.json", "model.safetensors"}
        assert model.needs == "timm"
    else:
        assert len(model.files) == 1


def test_bundled_models_are_pinned_and_small():
    bundled = [model for model in registry().values() if model.source == "bundled"]
    assert {"cell-vit", "demo-head"} <= {model.name for model in bundled}
    assert all(all(model.files.values()) for model in bundled)
    assert sum(model.bytes for model in bundled) < 25_000_000


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ModelError, match=r"'dinov9'.*choose one of: classical, cell-vit"):
        entry("dinov9")


def test_a_misspelt_kind_is_refused():
    with pytest.raises(ModelError, match="'encodre'"):
        ModelEntry("x", "encodre", "dino", "hub", "none", "tests", "nothing")


def test_heads_for_show_say_so_and_nothing_else_does():
    shown = {name for name in registry() if is_demonstration(name)}
    assert shown == {model.name for model in registry().values() if "Demonstration" in model.purpose} != set()
    assert not is_demonstration(None)
    assert not is_demonstration("a/head/of/ours")


def test_readme_says_whose_weights_are_pinned():
    said = re.search(r"The weights of (.*?) are pinned in", (ROOT / "README.md").read_text().replace("\n", " ")).group(
        1
    )
    assert said == "cpsam, cpsam_v2, DINOv2 without registers and DINOv3"
    hub = [model for model in registry().values() if model.source == "hub"]
    pinned = {model.name for model in hub if any(model.files[name] for name in model.files if "config" not in name)}
    families = ("facebook/dinov2-small", "facebook/dinov2-base", "facebook/dinov2-large", "facebook/dinov3-", "cpsam")
    assert pinned == {model.name for model in hub if model.name.startswith(families)}


def test_every_network_of_a_segmenter_says_what_it_gives(tmp_path):
    given = {name: network_output(name) for name, model in registry().items() if model.kind == "segmenter"}
    assert {name for name, output in given.items() if output is None} == {"classical"}
    assert {name for name, output in given.items() if output == "foreground"} == {"foreground"}
    assert network_output(str(entry("foreground").folder)) == "foreground"
    assert network_output(str(entry("compact").folder)) == network_output(str(tmp_path)) == "flows"
