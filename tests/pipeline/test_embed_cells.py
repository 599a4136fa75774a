"""Vectors belong to their cells, whichever batch they came in and whoever did it."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.errors import Cancelled
from cellapp.images.read import open_slide
from cellapp.models.bundle import RunModels, load_run_models
from cellapp.pipeline.analyse import analyse
from cellapp.pipeline.checkpoint import temporary_checkpoint
from cellapp.pipeline.context import make_context, run_serially
from cellapp.pipeline.embed_cells import embed_cells
from cellapp.settings import AnalyseSettings
from tests.classification.heads import grid_head

pytestmark = pytest.mark.slow

SETTINGS = AnalyseSettings()


@pytest.fixture(scope="module")
def analysed(demo):
    models, slide = load_run_models(SETTINGS), open_slide(demo.slide)
    return make_context(slide, None, models, SETTINGS), analyse(slide, models, SETTINGS)


def vectors(analysed, cells, checkpoint, run_tasks=None, batch=None):
    context, analysis = analysed
    return embed_cells(
        context,
        analysis.mask,
        cells,
        checkpoint,
        run_tasks or run_serially(context),
        on_step=lambda *_: None,
        span=(0, 1),
    )


def with_labels(checkpoint, analysis):
    with checkpoint.new_labels(analysis.mask.labels.shape) as canvas:
        canvas[...] = analysis.mask.labels
    return checkpoint


def test_batches_in_a_folder_give_what_one_batch_gives_in_the_order_of_the_table(analysed, monkeypatch):
    cells = analysed[1].cells.sample(frac=1, random_state=0)
    with temporary_checkpoint() as checkpoint:
        at_once = vectors(analysed, cells, checkpoint)
        monkeypatch.setattr("cellapp.pipeline.cell_batches.BATCH", 5)
        in_parts = vectors(analysed, cells, with_labels(checkpoint, analysed[1]))
    assert at_once.cell_ids.tolist() == in_parts.cell_ids.tolist() == cells.index.tolist()
    assert in_parts.encoder == at_once.encoder
    np.testing.assert_allclose(in_parts.features, at_once.features, atol=0.1 * at_once.features.std())


def test_crops_that_are_planes_a_few_at_a_time_give_the_same(analysed, monkeypatch):
    cells = analysed[1].cells
    with temporary_checkpoint() as checkpoint:
        at_once = vectors(analysed, cells, checkpoint)
        monkeypatch.setattr("cellapp.pipeline.embed_cells._PLANES_BYTES", 1)
        one_by_one = vectors(analysed, cells, checkpoint)
    assert one_by_one.cell_ids.tolist() == at_once.cell_ids.tolist()
    np.testing.assert_allclose(one_by_one.features, at_once.features, atol=0.1 * at_once.features.std())


def test_finished_batches_are_not_done_again(analysed, monkeypatch):
    monkeypatch.setattr("cellapp.pipeline.cell_batches.BATCH", 5)
    context, analysis = analysed
    done = []

    def counting(step, parts):
        for part in parts:
            if len(done) == 2:
                raise Cancelled("stopped by the user")
            done.append(part[0])
            yield step(context, part)

    with temporary_checkpoint() as checkpoint:
        with_labels(checkpoint, analysis)
        with pytest.raises(Cancelled):
            vectors(analysed, analysis.cells, checkpoint, counting)
        first, done[:] = list(done), [-1, -1, -1]
        resumed = vectors(analysed, analysis.cells, checkpoint, counting)
    with temporary_checkpoint() as checkpoint:
        undisturbed = vectors(analysed, analysis.cells, with_labels(checkpoint, analysis))
    assert first == [0, 1]
    assert done[3:] == list(range(2, -(-len(analysis.cells) // 5)))
    np.testing.assert_array_equal(resumed.features, undisturbed.features)


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("on_disk", [False, True])
def test_no_cell_and_one_cell(analysed, n, on_disk):
    cells = analysed[1].cells.iloc[:n]
    with temporary_checkpoint() as checkpoint:
        found = vectors(analysed, cells, with_labels(checkpoint, analysed[1]) if on_disk else checkpoint)
    assert found.features.shape == (n, analysed[1].embeddings.features.shape[1])
    assert found.cell_ids.tolist() == cells.index.tolist()


@pytest.fixture(scope="module")
def on_grid(analysed):
    """The same slide and cells, as a head reads them that pools windows of the slide."""
    context, analysis = analysed
    models = context.models
    return replace(context, models=RunModels(models.segmenter, models.encoder, grid_head(models.encoder))), analysis


def test_pooled_vectors_do_not_depend_on_batches_or_their_order(on_grid, monkeypatch):
    context, analysis = on_grid
    cells = analysis.cells.sample(frac=1, random_state=0)
    done = []

    def backwards(step, parts):
        for part in reversed(parts):
            done.append(part[0])
            yield step(context, part)

    with temporary_checkpoint() as checkpoint:
        at_once = vectors(on_grid, cells, checkpoint)
        monkeypatch.setattr("cellapp.pipeline.embed_cells.SQUARE_PX", 256)
        forwards = vectors(on_grid, cells, with_labels(checkpoint, analysis))
    with temporary_checkpoint() as checkpoint:
        back = vectors(on_grid, cells, with_labels(checkpoint, analysis), backwards)
    assert done == [3, 2, 1, 0]
    assert back.cell_ids.tolist() == cells.index.tolist()
    np.testing.assert_array_equal(back.features, forwards.features)
    np.testing.assert_allclose(forwards.features, at_once.features, atol=1e-3 * at_once.features.std())


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("on_disk", [False, True])
def test_no_cell_and_one_cell_of_a_grid(on_grid, n, on_disk):
    context, analysis = on_grid
    with temporary_checkpoint() as checkpoint:
        found = vectors(on_grid, analysis.cells.iloc[:n], with_labels(checkpoint, analysis) if on_disk else checkpoint)
    assert found.features.shape == (n, 2 * context.models.encoder.dim)
    assert found.source == "grid"
