import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.models.bundle import RunModels, load_run_models
from cellapp.pipeline.context import make_context
from cellapp.pipeline.provenance import peak_memory_mb, provenance, settings_digest
from cellapp.segmentation.classical import Classical
from cellapp.settings import AnalyseSettings
from tests.cells.toy import slide_of

seeds = st.builds(lambda seed, n: AnalyseSettings.model_validate({"seed": seed, "explain": {"n": n}}),
                  st.integers(0, 50), st.integers(0, 5))  # fmt: skip


@given(seeds, seeds)
def test_digests_are_equal_exactly_when_settings_are(one, two):
    assert (settings_digest(one) == settings_digest(two)) == (one == two)


@given(seeds)
def test_settings_survive_json_with_their_digest(settings):
    again = AnalyseSettings.model_validate_json(settings.model_dump_json())
    assert settings_digest(again) == settings_digest(settings)


def test_memory_is_measured():
    assert 10 < peak_memory_mb() < 1_000_000


@pytest.fixture
def slide():
    return slide_of(np.random.default_rng(0).integers(0, 99, (1, 40, 40), np.uint8), ("nucleus",))


def test_a_run_is_described_in_plain_json_with_the_weights_it_was_loaded_with(slide):
    settings = AnalyseSettings()
    models = load_run_models(settings)
    facts = provenance(make_context(slide, None, models, settings), {"segment": 1.5})
    assert json.loads(json.dumps(facts)) == facts
    assert facts["weights_sha256"] == dict(models.weights)
    assert facts["head"] == models.head.identity
    assert facts["encoder"] == models.encoder.identity
    assert facts["seconds"] == {"segment": 1.5}
    assert set(facts["settings"]["explain"]) == {"n", "target", "method", "layer", "by_default"}
    assert facts["settings_digest"] == settings_digest(settings)


def test_without_a_head_nothing_is_said_of_one_and_no_chain_is_fitted(slide):
    context = make_context(slide, None, RunModels(Classical()), AnalyseSettings())
    facts = provenance(context, {})
    named = ("encoder", "head", "calibrated", "not_explained", "encoder_crop")
    assert {facts[name] for name in named} == {None}
    assert facts["encoder_angle_deg"] == 0
    assert not {"preprocessor", "head_preprocessor"} & set(vars(context))


def test_the_image_segmented_and_the_image_measured_are_both_named(slide):
    target = slide_of(slide.region() // 2, ("nucleus",), name="target.tif")
    context = make_context(slide, target, RunModels(Classical()), AnalyseSettings())
    named = provenance(context, {})["input"]
    assert (named["name"], named["sha256"]) == ("target.tif", target.digest)
    assert named["reference_sha256"] == slide.digest


def test_a_changed_setting_changes_the_digest_also_where_the_field_is_new():
    digests = {
        settings_digest(AnalyseSettings.model_validate({"classify": choice}))
        for choice in ({}, {"unsure": "conformal"}, {"error_rate": 0.2}, {"threshold": 0.6})
    }
    assert len(digests) == 4
