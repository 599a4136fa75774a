"""Settings lead to bounded work, or are refused in one sentence before it starts."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from cellapp.cli import main
from cellapp.errors import InputError
from cellapp.images.channels import describe_slide
from cellapp.images.settings_fit import LEAST_DIAMETER_PX, MOST_NETWORK_PX, MOST_TILE_PX, NETWORK_CELL_PX
from cellapp.models.bundle import RunModels
from cellapp.pipeline.analyse import analyse
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.tiling.grid import halo_px, plan_tiles
from cellapp.settings import AnalyseSettings
from tests.images.slides import slide_of
from tests.segmentation.phantoms import glowing, grid_of_discs

PIXELS = np.round(glowing(grid_of_discs(15, n=4))[:, :64, :64] * 250).astype(np.uint8)
SLIDE = slide_of(PIXELS)
HUGE = [1e308, 1e30, 1e9, 1e-9, 1e-300, 5e-324]
NUMBERS = st.sampled_from([*HUGE, 0.0, 1.0, 30.0, 100.0]) | st.floats(1e-3, 1e4)
COUNTS = st.sampled_from([0, 1, 10**3, 2**31 - 1, 2**31, 2**63, 10**30]) | st.integers(0, 200)


def any_settings(model: type[BaseModel]) -> st.SearchStrategy[dict]:
    """Draw a value for each number of settings, whether or not it may be that."""
    parts = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            parts[name] = any_settings(field.annotation)
        elif field.annotation in (float, float | None):
            parts[name] = NUMBERS
        elif field.annotation is int:
            parts[name] = COUNTS
        elif field.annotation is bool:
            parts[name] = st.booleans()
    return st.fixed_dictionaries({}, optional=parts)


def numbers_of(content, prefix=()):
    for key, value in content.items():
        if isinstance(value, dict):
            yield from numbers_of(value, (*prefix, key))
        elif isinstance(value, float):
            yield (*prefix, key)


def nested(path, value):
    for key in reversed(path):
        value = {key: value}
    return value


@pytest.mark.parametrize("path", [*numbers_of(AnalyseSettings().model_dump() | {"um_per_px": 1.0})], ids=".".join)
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_no_number_is_anything_but_finite(path, number):
    with pytest.raises(ValidationError):
        AnalyseSettings.model_validate(nested(path, number))


@given(chosen=any_settings(AnalyseSettings), method=st.sampled_from(["otsu", "local", "iterative"]))
@settings(max_examples=40, deadline=2_000)
def test_whatever_validates_is_done_in_bounded_time_or_refused(chosen, method):
    chosen.pop("classify", None)
    chosen = {**chosen, "segment": {**chosen.get("segment", {}), "segmenter": "classical", "method": method}}
    chosen["classify"] = {"head": None}
    try:
        valid = AnalyseSettings.model_validate(chosen)
    except ValidationError:
        return
    try:
        found = analyse(SLIDE, RunModels(Classical()), valid)
    except InputError:
        return
    assert found.mask.labels.shape == (64, 64)
    assert np.isfinite(found.cells.select_dtypes("number").to_numpy(float)).all()


def of(**segment):
    return AnalyseSettings.model_validate({"segment": segment})


@given(
    height=st.integers(1, 10**6),
    width=st.integers(1, 10**6),
    tile_px=st.integers(256, 10**6),
    diameter=st.floats(1e-3, 1e7),
    um_per_px=st.none() | st.floats(1e-4, 1e4),
)
def test_what_is_in_memory_at_once_is_bounded_whatever_the_size_of_the_image(
    height, width, tile_px, diameter, um_per_px
):
    slide = replace(SLIDE, info=replace(SLIDE.info, shape=(1, height, width)))
    unit = "px" if um_per_px is None else "um"
    chosen = of(tile_px=tile_px, diameter=diameter, diameter_unit=unit).model_copy(update={"um_per_px": um_per_px})
    try:
        describe_slide(slide, chosen)
    except InputError:
        return
    px = diameter / (um_per_px or 1)
    side = min(tile_px, max(height, width))
    (first, *_) = plan_tiles((height, width), side, halo_px(px)) if max(height, width) < 10**4 else [None]
    if first is not None:
        assert max(first.window.height, first.window.width) <= min(5 * side + 2 * 32, max(height, width))
    assert side <= MOST_TILE_PX
    assert px >= LEAST_DIAMETER_PX
    assert side * NETWORK_CELL_PX / px <= MOST_NETWORK_PX * (1 + 1e-9)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (of(diameter=65), "larger than 'made up.tif', whose longer side has 64 px"),
        (of(diameter=1e300), "larger than"),
        (of(diameter=0.2), "at least 1 px"),
        (of(min_size_px=64 * 64 + 1), "4096 pixels in all"),
        (of(min_size_px=2**31), "from 0 to 2147483647"),
        (AnalyseSettings(um_per_px=1e-9), "0.0001 to 10000 um"),
        (AnalyseSettings(seed=2**31), "seed is 2147483648; it must be a whole number from 0 to 2147483647"),
        (AnalyseSettings.model_validate({"explain": {"n": 10**30}}), "explain.n is"),
        (AnalyseSettings.model_validate({"quality": {"published_large_px": 10**19}}), "quality.published_large_px is"),
    ],
    ids=str,
)
def test_the_sentence_names_setting_limit_and_why(chosen, words):
    with pytest.raises(InputError, match=words.replace(".", r"\.")) as refused:
        describe_slide(replace(SLIDE, info=replace(SLIDE.info, name="made up.tif")), chosen)
    assert "\n" not in str(refused.value)


def test_a_diameter_in_um_is_held_against_the_image_in_pixels():
    fine = of(diameter=30, diameter_unit="um")
    describe_slide(SLIDE, fine.model_copy(update={"um_per_px": 1.0}))
    with pytest.raises(InputError, match="30 um is 3000 px and is larger"):
        describe_slide(SLIDE, fine.model_copy(update={"um_per_px": 0.01}))


def test_a_slide_as_one_tile_is_refused_before_it_is_read():
    slide = replace(SLIDE, info=replace(SLIDE.info, shape=(1, 10**5, 10**5)))
    with pytest.raises(InputError, match="at most 8192 px to fit into memory"):
        describe_slide(slide, of(tile_px=10**5))
    describe_slide(SLIDE, of(tile_px=10**5))


def test_the_command_line_refuses_with_status_2(tmp_path, demo, capsys):
    assert main(["analyse", str(demo.slide), "--diameter", "5000", "--head", "none", "--out", str(tmp_path)]) == 2
    assert "larger than" in capsys.readouterr().err
