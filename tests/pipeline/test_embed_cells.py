"""Vectors belong to their cells, whichever batch they came in and whoever did it."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.errors import Cancelled
from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import open_slide
from cellapp.models.bundle import Kit, load_kit
from cellapp.pipeline.analyse import analyse
from cellapp.pipeline.checkpoint import scratch_work
from cellapp.pipeline.context import in_turn, lay_out
from cellapp.pipeline.embed_cells import embed_cells
from cellapp.settings import AnalyseSettings
from tests.classification.heads import grid_head

SETTINGS = AnalyseSettings()


@pytest.fixture(scope="module")
def analysed(demo):
    kit, slide = load_kit(SETTINGS), open_slide(demo.slide)
    return lay_out(slide, None, kit, SETTINGS), analyse(slide, kit, SETTINGS)


def vectors(analysed, cells, work, spread=None, batch=None):
    bench, analysis = analysed
    preprocessor = Preprocessor.fit(bench.source, bench.kit.head.preprocess)
    return embed_cells(
        bench, analysis.mask, cells, preprocessor, work, spread or in_turn(bench), tell=lambda *_: None, span=(0, 1)
    )


def with_labels(work, analysis):
    with work.drawing(analysis.mask.labels.shape) as canvas:
        canvas[...] = analysis.mask.labels
    return work


def test_batches_in_a_folder_give_what_one_batch_gives_in_the_order_of_the_table(analysed, monkeypatch):
    cells = analysed[1].cells.sample(frac=1, random_state=0)
    with scratch_work() as work:
        at_once = vectors(analysed, cells, work)
        monkeypatch.setattr("cellapp.pipeline.embed_cells._BATCH", 5)
        in_parts = vectors(analysed, cells, with_labels(work, analysed[1]))
    assert at_once.cell_ids.tolist() == in_parts.cell_ids.tolist() == cells.index.tolist()
    assert in_parts.encoder == at_once.encoder
    np.testing.assert_allclose(in_parts.features, at_once.features, atol=0.1 * at_once.features.std())


def test_finished_batches_are_not_done_again(analysed, monkeypatch):
    monkeypatch.setattr("cellapp.pipeline.embed_cells._BATCH", 5)
    bench, analysis = analysed
    done = []

    def counting(step, parts):
        for part in parts:
            if len(done) == 2:
                raise Cancelled("stopped by the user")
            done.append(part[0])
            yield step(bench, part)

    with scratch_work() as work:
        with_labels(work, analysis)
        with pytest.raises(Cancelled):
            vectors(analysed, analysis.cells, work, counting)
        first, done[:] = list(done), [-1, -1, -1]
        resumed = vectors(analysed, analysis.cells, work, counting)
    with scratch_work() as work:
        undisturbed = vectors(analysed, analysis.cells, with_labels(work, analysis))
    assert first == [0, 1]
    assert done[3:] == list(range(2, -(-len(analysis.cells) // 5)))
    np.testing.assert_array_equal(resumed.features, undisturbed.features)


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("on_disk", [False, True])
def test_no_cell_and_one_cell(analysed, n, on_disk):
    cells = analysed[1].cells.iloc[:n]
    with scratch_work() as work:
        found = vectors(analysed, cells, with_labels(work, analysed[1]) if on_disk else work)
    assert found.features.shape == (n, analysed[1].embeddings.features.shape[1])
    assert found.cell_ids.tolist() == cells.index.tolist()


@pytest.fixture(scope="module")
def on_grid(analysed):
    """The same slide and cells, as a head reads them that pools windows of the slide."""
    bench, analysis = analysed
    kit = bench.kit
    return replace(bench, kit=Kit(kit.segmenter, kit.encoder, grid_head(kit.encoder))), analysis


def test_pooled_vectors_do_not_depend_on_batches_or_their_order(on_grid, monkeypatch):
    bench, analysis = on_grid
    cells = analysis.cells.sample(frac=1, random_state=0)
    done = []

    def backwards(step, parts):
        for part in reversed(parts):
            done.append(part[0])
            yield step(bench, part)

    with scratch_work() as work:
        at_once = vectors(on_grid, cells, work)
        monkeypatch.setattr("cellapp.pipeline.embed_cells._SQUARE_PX", 256)
        forwards = vectors(on_grid, cells, with_labels(work, analysis))
    with scratch_work() as work:
        back = vectors(on_grid, cells, with_labels(work, analysis), backwards)
    assert done == [3, 2, 1, 0]
    assert back.cell_ids.tolist() == cells.index.tolist()
    np.testing.assert_array_equal(back.features, forwards.features)
    np.testing.assert_allclose(forwards.features, at_once.features, atol=1e-3 * at_once.features.std())


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("on_disk", [False, True])
def test_no_cell_and_one_cell_of_a_grid(on_grid, n, on_disk):
    bench, analysis = on_grid
    with scratch_work() as work:
        found = vectors(on_grid, analysis.cells.iloc[:n], with_labels(work, analysis) if on_disk else work)
    assert found.features.shape == (n, 2 * bench.kit.encoder.dim)
    assert found.source == "grid"
