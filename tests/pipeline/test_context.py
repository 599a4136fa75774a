"""What an image's steps share is made once: the described slides, the fitted chains, the cut and encoded cells."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from cellapp.cells.crop import crop
from cellapp.encoders.dino import HubEncoder
from cellapp.errors import InputError
from cellapp.images.channels import describe_slide
from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import open_slide
from cellapp.models.bundle import load_run_models
from cellapp.pipeline.analyse import analyse
from cellapp.pipeline.context import make_context, run_serially
from cellapp.settings import AnalyseSettings
from tests.cells.toy import slide_of

pytestmark = pytest.mark.slow

N = 4
SETTINGS = AnalyseSettings.model_validate({"explain": {"n": N}})
OTHER_CHAIN = SETTINGS.model_copy(update={"preprocess": SETTINGS.preprocess.model_copy(update={"clip_high": 99.0})})
TILED = SETTINGS.model_copy(update={"segment": SETTINGS.segment.model_copy(update={"tile_px": 256})})


@pytest.fixture(scope="module")
def models():
    return load_run_models(SETTINGS)


@pytest.fixture
def calls(monkeypatch):
    """Counts of what one analysis does, by name; of crops and of the encoder the number of cells of each call."""
    counts = {"describe": [], "fit": [], "crop": [], "embed": []}

    def spy(name, function, size):
        def counting(*args, **kwargs):
            counts[name].append(size(args))
            return function(*args, **kwargs)

        return counting

    for function, name, size in ((describe_slide, "describe", lambda _: 1), (crop, "crop", lambda args: len(args[2]))):
        counting = spy(name, function, size)
        for module in [module for key, module in sys.modules.items() if key.startswith("cellapp.")]:
            if vars(module).get(function.__name__) is function:
                monkeypatch.setattr(module, function.__name__, counting)
    fit = Preprocessor.fit.__func__
    monkeypatch.setattr(Preprocessor, "fit", classmethod(spy("fit", fit, lambda _: 1)))
    monkeypatch.setattr(HubEncoder, "embed", spy("embed", HubEncoder.embed, lambda args: len(args[1])))
    return counts


@pytest.mark.parametrize("settings", [SETTINGS, TILED], ids=["whole", "tiles"])
def test_one_analysis_describes_and_fits_once_and_encodes_explained_cells_once_per_map_and_channel(
    demo, models, calls, settings
):
    slide = open_slide(demo.slide)
    analysis = analyse(slide, models, settings)
    n_accepted, n_channels = int(analysis.cells["qc_pass"].sum()), slide.info.shape[0]
    assert len(analysis.explanations.cell_ids) == len(analysis.compartments) == N
    assert (len(calls["describe"]), len(calls["fit"])) == (1, 1)
    assert [n for n in calls["crop"] if n] == [n_accepted, N, N]  # to classify, to explain, and raw
    assert [n for n in calls["embed"] if n] == [n_accepted, *[N] * (1 + n_channels)]


def test_a_target_is_described_and_fitted_by_itself(demo, models, calls):
    slide = open_slide(demo.slide)
    analyse(slide, models, SETTINGS, target=slide_of(slide.region() // 2, slide.info.channels))
    assert (len(calls["describe"]), len(calls["fit"])) == (2, 2)


def test_a_head_with_another_chain_has_its_own_fit(demo, models, calls):
    context = make_context(open_slide(demo.slide), None, models, OTHER_CHAIN)
    assert context.preprocessor is context.preprocessor
    assert context.head_preprocessor is context.head_preprocessor
    assert len(calls["fit"]) == 2
    assert context.preprocessor.settings == OTHER_CHAIN.preprocess
    assert context.head_preprocessor.settings == models.head.preprocess


def test_nothing_is_fitted_before_it_is_asked_for(demo, models, calls):
    context = make_context(open_slide(demo.slide), None, models, SETTINGS)
    assert calls["fit"] == []
    assert replace(context, models=replace(models, head=None)).preprocessor.settings == SETTINGS.preprocess


def test_names_roles_and_pixel_size_of_the_settings_are_those_of_the_context(models):
    slide = slide_of(np.zeros((2, 9, 9), np.uint8), ("a", "b"))
    settings = SETTINGS.model_copy(update={"channels": {"nucleus": 2, "actin": 1}, "um_per_px": 0.25})
    context = make_context(slide, None, models, settings)
    assert context.slide is context.source
    assert context.source.info.channels == ("actin", "b")
    assert context.roles == context.slide_roles == ("cytoplasm", "nucleus")  # actin speaks for its role
    assert context.um_per_px == context.source.info.um_per_px == 0.25


def test_slides_of_different_size_are_refused(models):
    slides = (slide_of(np.zeros((1, 9, width), np.uint8), ("a",)) for width in (9, 8))
    with pytest.raises(InputError, match="9 x 8 px"):
        make_context(*slides, models, SETTINGS)


def test_parts_are_done_in_turn_and_only_when_asked_for():
    done = []
    results = run_serially("context")(lambda context, part: done.append((context, part)) or part, [1, 2])
    assert done == []
    assert list(results) == [1, 2]
    assert done == [("context", 1), ("context", 2)]
