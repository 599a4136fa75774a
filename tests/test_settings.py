"""Settings are immutable, refuse what they do not know, and come back from JSON as they were."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from cellapp import settings
from cellapp.settings import (
    PREPROCESS_STEPS,
    AnalyseSettings,
    CropMode,
    ExplainSettings,
    FeatureSettings,
    PreprocessSettings,
)

MODELS = [model for model in vars(settings).values() if isinstance(model, type) and issubclass(model, BaseModel)]
MODELS = [model for model in MODELS if model.__module__ == settings.__name__ and model is not settings.FrozenModel]

CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "channels": st.dictionaries(st.text(min_size=1, max_size=8), st.integers(1, 9), max_size=3),
        "um_per_px": st.none() | st.floats(0.001, 100),
        "seed": st.integers(0, 2**31),
        "crop": st.fixed_dictionaries({"mode": st.sampled_from(CropMode), "drop_channels": st.lists(st.text())}),
        "classify": st.fixed_dictionaries({"head": st.none() | st.text(), "threshold": st.floats(0.01, 0.99)}),
        "segment": st.fixed_dictionaries({"diameter": st.none() | st.floats(0.1, 1e4), "min_size_px": st.integers(0)}),
    },
)


@given(CHANGES)
def test_settings_come_back_from_the_json_of_a_run(changes):
    chosen = AnalyseSettings.model_validate(changes)
    assert AnalyseSettings.model_validate(json.loads(chosen.model_dump_json())) == chosen


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_settings_take_a_name_they_do_not_know(model):
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        model.model_validate({"no_such_setting": 1})


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_settings_are_never_changed(model):
    made = model()
    with pytest.raises(ValidationError, match="frozen"):
        setattr(made, next(iter(model.model_fields)), None)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_defaults_obey_their_own_rules(model):
    assert model.model_validate(model().model_dump()) == model()


@given(low=st.floats(0, 99.9), high=st.floats(0.1, 100))
def test_clipping_keeps_something_between_its_ends(low, high):
    if low < high:
        assert PreprocessSettings(clip_low=low, clip_high=high).clip_low == low
    else:
        with pytest.raises(ValidationError, match="clip_low must be below clip_high"):
            PreprocessSettings(clip_low=low, clip_high=high)


def test_thresholds_are_settings_of_the_segmentation():
    assert set(settings.THRESHOLDS) < settings.SegmentSettings.model_fields.keys()


@pytest.mark.parametrize("change", [{"fit_to": "crop"}, {"views": 8}, {"shape": True}])
def test_a_head_that_reads_a_grid_has_no_single_crops(change):
    assert FeatureSettings(source="grid").views == 1
    with pytest.raises(ValidationError, match="reads a grid over the slide"):
        FeatureSettings(source="grid", **change)


def test_earlier_runs_named_the_only_layer_there_is():
    assert ExplainSettings.model_validate({"n": 2, "layer": "final"}) == ExplainSettings(n=2)
    with pytest.raises(ValidationError, match="layer"):
        ExplainSettings.model_validate({"n": 2, "layer": "middle"})


def test_every_field_of_preprocessing_is_a_step_or_a_number_of_one():
    fields = PreprocessSettings.model_fields
    assert [name for name, field in fields.items() if field.annotation is bool] == list(PREPROCESS_STEPS)
    assert sorted(fields) == sorted([*PREPROCESS_STEPS, *sum(PREPROCESS_STEPS.values(), ())])
