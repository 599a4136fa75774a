"""crops.zip is the same file, made in the run or later, and a run without it is the same in everything else."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.errors import Cancelled, InputError
from cellapp.exports.apply_labels import apply_labels
from cellapp.exports.crops_zip import has_crops
from cellapp.exports.image_folder import write_analysis
from cellapp.pipeline import draw_crops
from cellapp.pipeline.make_crops import make_crops, raw_crops, without_crops
from cellapp.pipeline.provenance import settings_digest
from cellapp.settings import AnalyseSettings
from tests.exports.toy import toy_analysis

LATER = AnalyseSettings(draw_crops=False)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(draw_crops, "_BATCH_HERE", 2)


def written(out, analysis, slide, settings=LATER):
    write_analysis(analysis, slide, out, settings=settings)
    return out / analysis.name


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"}


@pytest.mark.parametrize(("n", "classes"), [(0, ("cancer", "normal")), (1, ()), (9, ("cancer", "normal"))])
def test_crops_made_later_are_those_of_the_run(tmp_path, n, classes):
    analysis, slide = toy_analysis(n, classes=classes)
    in_run = files(written(tmp_path / "in_run", analysis, slide, AnalyseSettings()))
    folder = written(tmp_path / "later", analysis, slide)
    assert files(folder) == {name: content for name, content in in_run.items() if name != "crops.zip"}
    assert without_crops(tmp_path / "later") == [folder]
    make_crops(folder, slide)
    assert files(folder) == in_run
    assert without_crops(tmp_path / "later") == []
    assert [path.name for path in (tmp_path / "later").iterdir()] == [folder.name], "no part is left behind"


def test_a_cancelled_drawing_goes_on_from_the_finished_parts(tmp_path):
    analysis, slide = toy_analysis(9)
    expected = files(written(tmp_path / "in_run", analysis, slide, AnalyseSettings()))
    folder = written(tmp_path / "later", analysis, slide)

    def cancel(step, fraction):
        if fraction:
            raise Cancelled

    with pytest.raises(Cancelled):
        make_crops(folder, slide, cancel)
    kept = len(list(tmp_path.glob("later/.*/crops-*.zip")))
    assert kept
    assert not has_crops(folder)
    told = []
    make_crops(folder, slide, lambda step, fraction: told.append(step))
    assert len(told) <= len(analysis.cells) / 2 + 2 - kept
    assert files(folder) == expected


def test_classes_given_meanwhile_are_in_them_and_none_are_made_unasked(tmp_path):
    analysis, slide = toy_analysis(9)
    in_run = written(tmp_path / "in_run", analysis, slide, AnalyseSettings())
    folder = written(tmp_path / "later", analysis, slide)
    given = {int(analysis.cells.index[0]): "normal"}
    apply_labels(in_run, slide, given)
    told = []

    def give(step, fraction):
        if not told:
            apply_labels(folder, slide, given)
            assert not has_crops(folder)
        told.append(step)

    make_crops(folder, slide, give)
    assert (folder / "crops.zip").read_bytes() == (in_run / "crops.zip").read_bytes()


def test_single_cells_are_cut_from_the_image_as_they_lie_in_the_file(tmp_path):
    analysis, slide = toy_analysis(9)
    in_run = written(tmp_path / "in_run", analysis, slide, AnalyseSettings())
    folder, ids = written(tmp_path / "later", analysis, slide), [*analysis.cells.index[:3], 4711]
    assert raw_crops(folder, ids) == {}
    cut, read = raw_crops(folder, ids, lambda: slide), raw_crops(in_run, ids)
    assert list(cut) == list(read) == ids[:3]
    for cell_id, pixels in read.items():
        np.testing.assert_array_equal(cut[cell_id], pixels)


def test_another_image_is_refused(tmp_path):
    analysis, slide = toy_analysis(4)
    folder = written(tmp_path, analysis, slide)
    with pytest.raises(InputError, match="another image"):
        make_crops(folder, replace(slide, digest="1" * 64))
    assert not has_crops(folder)


def test_when_crops_are_drawn_is_no_part_of_what_a_run_is():
    assert settings_digest(LATER) == settings_digest(AnalyseSettings())
    assert "draw_crops" not in AnalyseSettings().model_dump(mode="json")
    assert AnalyseSettings.model_validate(LATER.model_dump(mode="json")) == LATER
