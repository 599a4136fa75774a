"""Vectors belong to their cells, whichever batch they came in and whoever did it."""

import numpy as np
import pytest

from cellapp.embedding import embed_cells
from cellapp.errors import Cancelled
from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import open_slide
from cellapp.kit import load_kit
from cellapp.pipeline import analyse
from cellapp.settings import AnalyseSettings
from cellapp.spread import in_turn, lay_out
from cellapp.work import scratch_work

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
        monkeypatch.setattr("cellapp.embedding._BATCH", 5)
        in_parts = vectors(analysed, cells, with_labels(work, analysed[1]))
    assert at_once.cell_ids.tolist() == in_parts.cell_ids.tolist() == cells.index.tolist()
    assert in_parts.encoder == at_once.encoder
    np.testing.assert_allclose(in_parts.features, at_once.features, atol=0.1 * at_once.features.std())


def test_finished_batches_are_not_done_again(analysed, monkeypatch):
    monkeypatch.setattr("cellapp.embedding._BATCH", 5)
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
