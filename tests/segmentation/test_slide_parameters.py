"""Parameters of a slide: fitted once, on all of it, and used by the run as by its previews."""

import dataclasses
import os

import numpy as np
import pytest

from cellapp.models.bundle import RunModels
from cellapp.pipeline.checkpoint import temporary_checkpoint
from cellapp.pipeline.context import make_context
from cellapp.pipeline.segment_slide import segment_slide
from cellapp.segmentation import slide_parameters
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.slide_parameters import (
    ensure_slide_parameters,
    has_tiles,
    load_slide_parameters,
    purge_slide_parameters,
)
from cellapp.settings import AnalyseSettings
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.image import Role
from tests.cells.toy import slide_of

NAMES = ("actin", "cytoplasm", "nucleus")


def of(**segment):
    return AnalyseSettings.model_validate({"segment": {"segmenter": "classical", "tile_px": 256, **segment}})


@pytest.fixture(scope="module")
def field():
    pixels, _, _ = render_field(SyntheticSettings(height=300, width=420, seed=3, cell_diameter_um=16, noise=0.2))
    return slide_of(pixels, NAMES)


@pytest.mark.parametrize("method", ["otsu", "iterative"])
def test_parameters_are_stored_to_the_last_bit(field, home, method):
    assert load_slide_parameters(field, Classical(), of(method=method)) is None
    parameters = ensure_slide_parameters(field, Classical(), of(method=method))
    assert load_slide_parameters(field, Classical(), of(method=method)) == parameters
    assert parameters.fit.thresholds is not None


def test_parameters_are_fitted_once(field, home, monkeypatch):
    first = ensure_slide_parameters(field, Classical(), of())
    monkeypatch.delattr(slide_parameters, "fit_slide_parameters")
    assert ensure_slide_parameters(field, Classical(), of()) == first


@pytest.mark.parametrize("moved", [{"min_size_px": 99}, {"cellprob_threshold": 2}, {"tile_px": 300}])
def test_thresholds_need_no_new_parameters(field, home, moved):
    assert load_slide_parameters(field, Classical(), of(**moved)) is None
    parameters = ensure_slide_parameters(field, Classical(), of())
    assert load_slide_parameters(field, Classical(), of(**moved)) == parameters


@pytest.mark.parametrize(
    "other",
    [
        of(diameter=40),
        of(method="local"),
        AnalyseSettings.model_validate({**of().model_dump(), "preprocess": {"clip_high": 95}}),
        AnalyseSettings.model_validate({**of().model_dump(), "channels": {"nucleus": 1, "cytoplasm": 2}}),
        AnalyseSettings.model_validate({**of().model_dump(), "um_per_px": 0.3}),
    ],
)
def test_other_settings_do(field, home, other):
    ensure_slide_parameters(field, Classical(), of())
    assert load_slide_parameters(field, Classical(), other) is None


def test_so_do_another_file_other_roles_and_another_segmenter(field, home):
    ensure_slide_parameters(field, Classical(), of())
    with_roles = dataclasses.replace(field.info, roles=(Role.NUCLEUS, Role.OTHER, Role.OTHER))
    another = Classical()
    another.name = "classical@2"
    assert load_slide_parameters(dataclasses.replace(field, digest="1" * 64), Classical(), of()) is None
    assert load_slide_parameters(dataclasses.replace(field, info=with_roles), Classical(), of()) is None
    assert load_slide_parameters(field, another, of()) is None


def test_a_damaged_file_is_as_good_as_none(field, home):
    parameters = ensure_slide_parameters(field, Classical(), of())
    (kept,) = (home / "slide_parameters").iterdir()
    kept.write_text('{"fit": {}')
    assert load_slide_parameters(field, Classical(), of()) is None
    assert ensure_slide_parameters(field, Classical(), of()) == parameters


def test_old_parameters_are_deleted(field, home):
    ensure_slide_parameters(field, Classical(), of())
    (kept,) = home.rglob("slide_parameters/*.json")
    ensure_slide_parameters(field, Classical(), of(diameter=40))
    os.utime(kept, (0, 0))
    assert purge_slide_parameters(3600) == 1
    assert load_slide_parameters(field, Classical(), of()) is None
    assert load_slide_parameters(field, Classical(), of(diameter=40)) is not None


def test_a_run_uses_the_same_parameters(field, home):
    context, seen = make_context(field, None, RunModels(Classical()), of()), []

    def spread(step, parts):
        seen.extend([step.parameters] if hasattr(step, "parameters") else [])  # cells are measured by the same engine
        yield from (step(context, part) for part in parts)

    with temporary_checkpoint() as work:
        segment_slide(context, work, spread, lambda step, fraction: None)
    assert seen == [ensure_slide_parameters(field, Classical(), of())]


def test_a_slide_without_cells_has_parameters(home):
    slide = slide_of(np.full((1, 300, 300), 7, np.uint8), ("nucleus",))
    parameters = ensure_slide_parameters(slide, Classical(), of())
    assert load_slide_parameters(slide, Classical(), of()) == parameters
    assert parameters.spans == (0.0,)


@pytest.mark.parametrize(("side", "tiled"), [(300, True), (420, False), (2048, False)])
def test_an_image_no_longer_than_a_tile_is_one(field, side, tiled):
    assert has_tiles(field.info, of(tile_px=side)) is tiled


def test_what_earlier_versions_stored_is_deleted_whatever_its_age(field, home):
    ensure_slide_parameters(field, Classical(), of())
    (home / "judgements").mkdir()
    for name in ("a.json", "b.json"):
        (home / "judgements" / name).write_text("{}")
    assert purge_slide_parameters(3600) == 2
    assert not list((home / "judgements").iterdir())
    assert load_slide_parameters(field, Classical(), of()) is not None
    assert purge_slide_parameters(3600) == 0
