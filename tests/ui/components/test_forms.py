import pytest
from streamlit.testing.v1 import AppTest

from cellapp.settings import CropSettings, PreprocessSettings, QualitySettings, SegmentSettings


def form(model_name, names):
    from cellapp import settings
    from cellapp.ui.components.forms import control

    model = getattr(settings, model_name)
    import streamlit as st

    st.session_state["values"] = {name: control(model, name, key="t") for name in names}


CASES = [
    (PreprocessSettings, list(PreprocessSettings.model_fields)),
    (QualitySettings, list(QualitySettings.model_fields)),
    (SegmentSettings, ["flow_threshold", "cellprob_threshold", "min_size_px", "method"]),
    (CropSettings, ["mode", "size_px"]),
]


@pytest.mark.parametrize(("model", "names"), CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_a_form_left_alone_gives_the_defaults(model, names):
    app = AppTest.from_function(form, args=(model.__name__, names)).run()
    assert not app.exception
    assert model.model_validate(app.session_state["values"]) == model()


@pytest.mark.parametrize(("model", "names"), CASES, ids=lambda case: getattr(case, "__name__", ""))
def test_each_widget_explains_itself_with_the_settings_own_words(model, names):
    app = AppTest.from_function(form, args=(model.__name__, names)).run()
    for name in names:
        assert app.get_by_key(f"t_{name}").help == (model.model_fields[name].description or "")


def test_a_slider_keeps_to_the_bounds_of_the_field():
    app = AppTest.from_function(form, args=("PreprocessSettings", ["clahe_clip", "clip_low"])).run()
    assert app.slider(key="t_clahe_clip").max == 1
    assert app.slider(key="t_clip_low").min == 0
