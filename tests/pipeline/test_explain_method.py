"""Where no method is named, the one most faithful to the head makes the maps, wherever maps are made."""

import json
from functools import partial

import pytest

from cellapp.classification.head_io import save_head
from cellapp.explanation.methods import made_by
from cellapp.exports.explanation_truth import FILE, doubt_of, most_faithful, write_truth
from cellapp.exports.explanations import read_maps
from cellapp.images.read import open_slide
from cellapp.models.load import load_model
from cellapp.pipeline.explain_method import cost_note, settings_of_run, truth_of, with_explain_method
from cellapp.pipeline.provenance import settings_digest
from cellapp.pipeline.run_batch import run_images
from cellapp.pipeline.run_inputs import RunItem
from cellapp.settings import AnalyseSettings, ExplainSettings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo
from tests.classification.heads import random_head
from tests.encoders.tiny import write_encoder

OF_MAPS = {"exact": 1.0, "gradcam++": 3.0, "rollout": 2.0}


def row(gain, *, true=True, low=None):
    return {"road": {"gain": {"value": gain, "low": gain if low is None else low}}, "true": true}


def settings_of(head, **explain):
    chosen = {"segment": {"segmenter": "classical"}, "classify": {"head": str(head)}, "explain": explain}
    return AnalyseSettings.model_validate(chosen)


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    folder = tmp_path_factory.mktemp("head")
    encoder = load_model(str(write_encoder(folder / "encoder")), "cpu", "float32")
    save_head(random_head(16, encoder=encoder.identity, name="mine"), folder / "mine")
    return folder / "mine"


@pytest.fixture
def measured(head):
    figures = {name: row(gain) for name, gain in OF_MAPS.items()} | {"occlusion": row(9.0, true=False)}
    write_truth({"head": load_model(str(head)).identity, "methods": figures}, head / FILE)
    yield figures
    (head / FILE).unlink()


def test_the_most_faithful_passes_every_measure(measured):
    assert most_faithful(measured) == "gradcam++"
    assert most_faithful({"exact": row(1.0, true=False)}) is None
    assert most_faithful({}) is None


def test_a_slow_method_is_the_default_only_where_no_quick_one_is_as_faithful():
    slow, quick = row(3.0, low=2.0), row(2.1, low=1.0)
    assert most_faithful({"exact": row(1.9), "class-token": quick, "occlusion": slow}) == "class-token"
    assert most_faithful({"exact": row(1.9), "class-token": row(2.1, true=False), "occlusion": slow}) == "occlusion"
    assert most_faithful({"occlusion": slow, "integrated-gradients": row(3.1, low=2.0)}) == "integrated-gradients"
    assert most_faithful({"exact": row(2.5), "class-token": quick, "occlusion": slow}) == "exact"


def test_what_a_slow_method_costs_is_told_where_nobody_named_it(head):
    write_truth({"head": load_model(str(head)).identity, "methods": {"occlusion": row(1.0)}}, head / FILE)
    taken = with_explain_method(settings_of(head))
    assert "classifying its cell 65 times; --explain-method exact" in cost_note(taken.explain)
    assert cost_note(with_explain_method(settings_of(head, method="occlusion")).explain) == ""
    (head / FILE).unlink()
    assert cost_note(with_explain_method(settings_of(head)).explain) == ""


def test_a_method_that_nobody_named_is_open_again_for_what_is_made_of_the_run_later(head, measured):
    before = with_explain_method(settings_of(head))
    write_truth({"head": load_model(str(head)).identity, "methods": {"rollout": row(1.0)}}, head / FILE)
    later = {"settings": before.model_dump(mode="json")}
    assert before.explain.method == "gradcam++"
    assert with_explain_method(settings_of_run(later)).explain.method == "rollout"
    named = {"settings": with_explain_method(settings_of(head, method="exact")).model_dump(mode="json")}
    assert with_explain_method(settings_of_run(named)).explain.method == "exact"
    write_truth({"head": load_model(str(head)).identity, "methods": measured}, head / FILE)


def test_it_is_taken_where_no_method_is_named_and_only_there(head, measured):
    assert truth_of(str(head)) == measured
    assert with_explain_method(settings_of(head)).explain.method == "gradcam++"
    assert with_explain_method(settings_of(head), load_model(str(head))).explain.method == "gradcam++"
    assert with_explain_method(settings_of(head, method="rollout")).explain.method == "rollout"
    assert with_explain_method(settings_of(head, method="exact")).explain.method == "exact"


def test_shares_of_places_are_doubted_where_the_exact_attribution_fails_on_the_head(head):
    identity = load_model(str(head)).identity
    run = {"settings": {"classify": {"head": str(head)}}, "head": identity}
    assert doubt_of(run) == "", "nothing was measured"
    for true, other in ((True, identity), (False, "mine@later")):
        row_of = row(1.0, true=true) | {"warnings": [] if true else ["it is blind"]}
        write_truth({"head": identity, "methods": {"exact": row_of}}, head / FILE)
        assert doubt_of(run | {"head": other}) == ""
    assert "fails on this head: it is blind. " in doubt_of(run)
    assert doubt_of({"settings": {"classify": {"head": None}}, "head": None}) == ""
    (head / FILE).unlink()


def test_figures_of_another_version_or_of_no_head_count_for_nothing(head, measured):
    write_truth({"head": "mine@later", "methods": measured}, head / FILE)
    assert with_explain_method(settings_of(head)).explain.method == "exact"
    assert with_explain_method(settings_of("nowhere at all")).explain.method == "exact"
    assert truth_of(None) == {}


def test_settings_that_leave_it_open_have_the_digest_they_always_had(head):
    assert settings_digest(settings_of(head)) == settings_digest(settings_of(head, method="exact"))
    taken = with_explain_method(settings_of(head))
    assert taken.explain.by_default
    assert settings_digest(settings_of(head)) == settings_digest(taken)
    assert settings_digest(settings_of(head)) != settings_digest(settings_of(head, method="rollout"))
    with pytest.raises(ValueError, match="not named reads no layer"):
        ExplainSettings(layer=1)


@pytest.mark.usefixtures("measured")
def test_a_run_keeps_the_method_that_made_its_maps_and_is_finished_with_it(head, tmp_path):
    slide = write_demo(tmp_path / "demo", SyntheticSettings(height=160, width=160, um_per_px=1.0)).slide
    items, settings = [RunItem("image", partial(open_slide, slide))], settings_of(head, n=2)
    report = run_images(items, settings, tmp_path / "out")
    assert not report.failed
    run = json.loads((tmp_path / "out" / "image" / "run.json").read_text())
    assert run["settings"]["explain"]["method"] == "gradcam++"
    assert made_by(read_maps(tmp_path / "out" / "image" / "explanations" / "maps.npz").method, "gradcam++", None)
    assert run_images(items, settings, tmp_path / "out", resume=True).results[0].resumed
