"""A slide in tiles has the cells of the whole, in whatever order and by whomever its tiles are done."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import Cancelled, InputError
from cellapp.images.read import open_slide
from cellapp.models.bundle import RunModels
from cellapp.models.load import load_model
from cellapp.pipeline.checkpoint import temporary_checkpoint
from cellapp.pipeline.context import make_context, run_serially
from cellapp.pipeline.measure_cells import MeasureSize
from cellapp.pipeline.segment_slide import SegmentTile, segment_image, segment_slide
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.metrics import f1_score
from cellapp.settings import AnalyseSettings
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.image import Role
from tests.cells.toy import slide_of
from tests.paths import shared_data
from tests.segmentation.phantoms import rods

pytestmark = pytest.mark.slow

NAMES = ("actin", "cytoplasm", "nucleus")


def of(tile_px, segmenter="classical", **more):
    return AnalyseSettings.model_validate({"segment": {"segmenter": segmenter, "tile_px": tile_px, **more}})


def bench_of(slide, chosen):
    return make_context(slide, None, RunModels(Classical()), chosen)


def quiet(step, fraction):
    pass


def find(slide, chosen, run_tasks=None):
    context = bench_of(slide, chosen)
    with temporary_checkpoint() as checkpoint:
        return np.array(
            segment_slide(context, checkpoint, run_tasks(context) if run_tasks else run_serially(context), quiet).labels
        )


@pytest.fixture(scope="module")
def field():
    pixels, _, _ = render_field(SyntheticSettings(height=500, width=640, seed=3, noise=0.2))
    return slide_of(pixels, NAMES)


@pytest.fixture(scope="module")
def whole(field):
    return find(field, of(2048))


@pytest.mark.parametrize("tile_px", [256, 333])
def test_odd_tiles_give_the_cells_of_the_whole(field, whole, tile_px):
    found = find(field, of(tile_px))
    assert f1_score(found, whole, 0.8) >= 0.99
    assert abs(int(found.max()) - int(whole.max())) <= 1


@pytest.mark.parametrize("method", ["local", "iterative"])
def test_so_do_other_methods(field, method):
    assert f1_score(find(field, of(300, method=method)), find(field, of(2048, method=method)), 0.8) >= 0.97


def test_the_compact_network_sees_the_same_cells_in_tiles(field):
    corner = slide_of(field.region()[:, :300, :390], NAMES)
    model = load_model("compact")
    tiled, whole = (segment_image(corner, model, of(side, "compact", diameter=56)).labels for side in (256, 2048))
    assert f1_score(tiled, whole, 0.8) >= 0.99


@pytest.mark.parametrize(
    "image",
    [
        "cellprofiler_examples/ExampleHuman/AS_09125_050116030001_D03f00d0.tif",
        "usiigaci_t98g_sample/images/20180101ef002xy01t01.tif",
    ],
)
def test_real_images_cut_in_odd_tiles(image):
    slide = open_slide(shared_data(f"fields/{image}"))
    chosen = {"diameter": 30}  # the estimate is not what is tested here
    whole, tiled = (segment_image(slide, Classical(), of(side, **chosen)).labels for side in (4096, 377))
    assert whole.max() > 5
    assert f1_score(tiled, whole, 0.8) >= 0.99


@given(seed=st.integers(0, 2**16))
@settings(max_examples=2, deadline=None)
def test_the_order_of_tiles_leaves_no_trace(field, seed):
    def shuffled(context):
        def run_tasks(step, parts):
            for at in np.random.default_rng(seed).permutation(len(parts)):
                yield step(context, parts[at])

        return run_tasks

    corner = slide_of(field.region()[:, :280, :400], NAMES)
    np.testing.assert_array_equal(find(corner, of(256), shuffled), find(corner, of(256)))


def test_cells_are_numbered_in_reading_order_whether_tiled_or_not(field, whole):
    for labels in (whole, find(field, of(256))):
        met = list(dict.fromkeys(labels[labels != 0].tolist()))
        assert met == list(range(1, len(met) + 1))


def test_finished_tiles_are_not_done_again(field, whole):
    chosen, done = of(256), []
    context = bench_of(field, chosen)

    def counting(step, parts):
        for part in parts:
            if isinstance(step, SegmentTile):
                if len(done) == 3:
                    raise Cancelled("stopped by the user")
                done.append(part.number)
            yield step(context, part)

    with temporary_checkpoint() as checkpoint:
        with pytest.raises(Cancelled):
            segment_slide(context, checkpoint, counting, quiet)
        first, done[:] = list(done), [-1, -1, -1, -1]
        found = np.array(segment_slide(context, checkpoint, counting, quiet).labels)
    assert len(first) == 3
    assert sorted({*first, *done} - {-1}) == list(range(6))
    assert not set(first) & set(done)
    assert f1_score(found, whole, 0.8) >= 0.99


def test_a_sparse_slide_loses_no_cell_and_skips_its_empty_tiles(monkeypatch):
    pixels, truth, _ = render_field(SyntheticSettings(height=560, width=800, seed=2, density=0.01, noise=0.2))
    slide, looked = slide_of(pixels, NAMES), []
    original = Classical.flows
    monkeypatch.setattr(Classical, "flows", lambda *a, **k: looked.append(1) or original(*a, **k))
    found, whole = (find(slide, of(side, diameter=56)) for side in (256, 4096))
    assert f1_score(found, whole, 0.8) == 1
    assert len(looked) < 11  # tiles; the whole was one more
    large = np.flatnonzero(np.bincount(truth.ravel())[1:] > 500) + 1
    assert all(found[truth == number].any() for number in large)


@pytest.mark.parametrize("value", [0, 130])
def test_a_slide_without_cells_is_a_result(value):
    slide = slide_of(np.full((1, 600, 700), value, np.uint8), ("nucleus",))
    labels = find(slide, of(256))
    assert labels.shape == (600, 700)
    assert labels.max() == 0


@pytest.mark.parametrize("tile_px", [256, 2048])
def test_a_slide_without_cells_says_what_was_tried_in_tiles_as_in_one_piece(tile_px):
    blank = slide_of(np.full((1, 300, 300), 9, np.uint8), ("nucleus",))
    note = segment_image(blank, Classical(), of(tile_px)).note
    assert "no cells were found" in note
    assert "cells of 30 px were looked for" in note
    y, x = np.mgrid[:300, :300]
    disc = slide_of((((y - 150) ** 2 + (x - 150) ** 2 < 400) * 200)[None].astype(np.uint8), ("nucleus",))
    assert segment_image(disc, Classical(), of(tile_px)).note == ""


def test_long_cells_in_tiles_are_those_of_the_whole():
    slide = slide_of((180 * (rods(110, 14, angle=0.6, n=4) > 0) + 20)[None].astype(np.uint8), ("nucleus",))
    found = find(slide, of(256))
    assert found.max() == 16
    np.testing.assert_array_equal(found > 0, find(slide, of(2048)) > 0)


def test_one_cell_on_the_corner_of_four_tiles():
    y, x = np.mgrid[:512, :512]
    disc = ((y - 255) ** 2 + (x - 256) ** 2 < 20**2) * 200
    slide = slide_of(disc[None].astype(np.uint8), ("nucleus",))
    np.testing.assert_array_equal(find(slide, of(256)) > 0, find(slide, of(512)) > 0)
    assert find(slide, of(256)).max() == 1


def test_missing_pixels_in_any_tile_are_refused():
    pixels = np.random.default_rng(0).random((1, 600, 600), np.float32)
    pixels[0, 590, 590] = np.nan
    with pytest.raises(InputError, match="1 NaN"):
        find(slide_of(pixels, ("nucleus",)), of(256))


def test_a_tile_s_work_travels_to_other_processes(field):
    import pickle

    seen = []

    context = bench_of(field, of(256))

    def run_tasks(step, parts):
        seen.append(pickle.loads(pickle.dumps((step, parts))))
        return iter([]) if isinstance(step, SegmentTile) else run_serially(context)(step, parts)

    with temporary_checkpoint() as checkpoint, pytest.raises(FileNotFoundError):
        segment_slide(context, checkpoint, run_tasks, quiet)
    (size, _), (step, parts) = seen
    assert isinstance(size, MeasureSize)
    assert isinstance(step, SegmentTile)
    assert len(parts) == 6
    assert context.slide_roles[2] is Role.NUCLEUS
