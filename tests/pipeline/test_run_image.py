"""One image of a run: its folder, or an error of its own that leaves the others alone."""

from functools import partial

import pytest

from cellapp.errors import Cancelled, EngineError, InputError, ModelError
from cellapp.images.read import open_slide
from cellapp.models.bundle import load_run_models
from cellapp.pipeline import run_image as module
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.run_image import run_image
from cellapp.pipeline.run_inputs import RunItem
from cellapp.settings import AnalyseSettings

COUNTING = AnalyseSettings.model_validate({"segment": {"segmenter": "classical"}, "classify": {"head": None}})


@pytest.fixture(scope="module")
def models():
    return load_run_models(COUNTING)


def run(item, out, *, models=None, resume=False, load_models=None, **more):
    load = load_models or (lambda: models)
    return run_image(item, COUNTING, out, resume=resume, load_models=load, **({"on_step": no_progress} | more))


@pytest.fixture
def item(empty_demo):
    return RunItem("image", partial(open_slide, empty_demo.slide))


def raiser(error):
    def fail(*_, **__):
        raise error

    return fail


def test_an_image_gives_its_summary_and_its_folder(item, tmp_path, models):
    result, analysis = run(item, tmp_path, models=models)
    assert (result.stem, result.error, result.resumed) == ("image", None, False)
    assert result.summary["n_cells"] == len(analysis.cells)
    assert (tmp_path / "image" / "run.json").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["image"]


@pytest.mark.parametrize(("error", "unusable"), [(InputError("no pixels"), True), (ModelError("no weights"), False)])
def test_an_error_of_the_image_is_its_result_and_says_what_is_to_blame(tmp_path, models, item, error, unusable):
    result, analysis = run(RunItem("image", raiser(error)), tmp_path, models=models)
    assert (result.error, result.unusable, result.summary, analysis) == (str(error), unusable, None, None)
    result, _ = run(item, tmp_path, load_models=raiser(error))
    assert (result.error, result.unusable) == (str(error), unusable)


@pytest.mark.parametrize("error", [Cancelled("stop"), EngineError("a process was killed"), RuntimeError("a defect")])
def test_what_would_fail_every_image_is_raised(tmp_path, models, item, error):
    with pytest.raises(type(error)):
        run(item, tmp_path, models=models, on_step=raiser(error))


def test_no_model_is_loaded_for_a_finished_image(item, tmp_path, models):
    first, _ = run(item, tmp_path, models=models)
    again, analysis = run(item, tmp_path, resume=True, load_models=raiser(AssertionError("loaded")))
    assert again.resumed
    assert analysis is None
    assert again.summary == first.summary
    with pytest.raises(AssertionError, match="loaded"):
        run(item, tmp_path, resume=False, load_models=raiser(AssertionError("loaded")))


def test_finished_parts_depend_on_settings_bytes_and_weights(item, tmp_path, models, monkeypatch):
    keys = []

    def note(path, key, *, resume):
        keys.append(key)
        raise Cancelled("enough")

    monkeypatch.setattr(module, "open_checkpoint", note)
    weights = load_run_models(AnalyseSettings()).weights
    for loaded in (models, module.RunModels(models.segmenter, weights=weights)):
        with pytest.raises(Cancelled):
            run(item, tmp_path, models=loaded)
    assert keys[0] != keys[1]
    assert keys[1]["weights"] == weights
    assert keys[0]["input"] == [item.open().digest] * 2


def test_progress_rises_to_one_over_analysis_and_files(item, tmp_path, models):
    fractions = []
    run(item, tmp_path, models=models, on_step=lambda step, fraction: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < 0.75 <= fractions[-1] <= 1


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"1", b"null", b'{"settings_digest": "x"}', b"\xff", b"PART"])
def test_a_run_json_that_tells_nothing_has_its_image_done_again(item, tmp_path, models, content):
    run(item, tmp_path, models=models)
    kept = tmp_path / "image" / "run.json"
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2] if content == b"PART" else content)
    result, _ = run(item, tmp_path, models=models, resume=True)
    assert (result.error, result.resumed) == (None, False)
    assert run(item, tmp_path, models=models, resume=True)[0].resumed
