"""What the sections of a report say, and that they say it from the run's own settings and figures."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cellapp.cells.answer import judge
from cellapp.cells.counts import count
from cellapp.explanation.findings import Findings
from cellapp.exports.explanations import summary_path
from cellapp.exports.image_folder import write_analysis
from cellapp.exports.report import page
from cellapp.exports.report.counts import by_hand, groups_of, report_image
from cellapp.exports.report.figures import ReportFigure, inline, maps_made_by, read_figures, write_figures
from cellapp.exports.report.limits import limits_of
from cellapp.exports.report.methods_paragraph import methods_paragraph
from cellapp.exports.report.page import SECTIONS, write_report
from cellapp.exports.report.quality import quality_of
from cellapp.exports.report.svg_charts import calibration_chart, share_chart
from cellapp.exports.report.validation import Validation, validation_of
from cellapp.exports.report.words import counted, listed
from cellapp.exports.tables import read_cells, write_cells
from cellapp.models.citations import REFERENCES
from cellapp.models.load import load_model
from cellapp.settings import AnalyseSettings, ExplainSettings
from tests.evaluation.calls import random_calls, write_calls
from tests.exports.report.test_page import Page
from tests.exports.toy import HOSTILE, SETTINGS, toy_analysis

CLASSES = ("cancer", "normal")


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 20)
    monkeypatch.setattr("cellapp.evaluation.quantification.DRAWS", 5)


def images_of(tmp_path, *, samples=({},), settings=SETTINGS, **provenance):
    """Images of one run as the report reads them, one for each of `samples`."""
    images = []
    for n, sample in enumerate(samples):
        analysis, slide = toy_analysis(9, name=f"toy{n}")
        analysis = replace(analysis, provenance={**analysis.provenance, **provenance})
        write_analysis(analysis, slide, tmp_path, settings=settings)
        folder = tmp_path / f"toy{n}"
        images.append(report_image(folder, read_cells(folder / "cells.parquet"), CLASSES, sample))
    return images


@pytest.fixture
def head(tmp_path):
    """A head's folder with held-out calls, and the settings that name it."""
    folder, calls = tmp_path / "head", random_calls(skill=2.0)
    write_calls(folder, calls)
    known = json.loads((folder / "metrics.json").read_text())
    (folder / "metrics.json").write_text(json.dumps(known | {"validated": True, "grouped_by": "slide"}))
    return calls, AnalyseSettings.model_validate({"classify": {"head": str(folder)}})


def test_a_report_has_all_its_sections_in_order(tmp_path):
    images_of(tmp_path)
    html = write_report(tmp_path, title="a").read_text(encoding="utf-8")
    assert re.findall(r"<h2[^>]*>(\w+)</h2>", html) == list(SECTIONS)
    assert "@media print" in html


def test_images_of_one_condition_are_counted_together(tmp_path):
    samples = ({"treatment": "drug", "batch": "1"}, {"treatment": "drug", "batch": "1"}, {"treatment": HOSTILE})
    images = images_of(tmp_path, samples=samples)
    groups = groups_of(images, CLASSES)
    assert [group.name for group in groups][:3] == ["all images", "treatment: drug", f"treatment: {HOSTILE}"]
    assert groups[1].counts.n_cells == sum(image.counts.n_cells for image in images[:2])
    assert groups[0].counts == count(read_all(images), CLASSES)
    assert groups_of(images[:1], CLASSES) == []
    shown = Page(write_report(tmp_path, title="a", samples={"toy2": samples[2]}).read_text(encoding="utf-8"))
    assert "treatment" in shown.text
    assert "script" not in shown.tags


def read_all(images):
    return pd.concat([image.cells.assign(image_id=i) for i, image in enumerate(images)])


def test_rejections_are_counted_by_reason(tmp_path):
    (image,) = images_of(tmp_path)
    reasons = {reason: n for reason, n, _ in quality_of([image]).reasons}
    given = image.cells["qc_reason"]
    assert reasons == {"touches the image border": int(given.str.contains("border").sum())} | {
        reason: n for reason, n in reasons.items() if "border" not in reason
    }
    assert any("fewer than" in sentence for sentence in quality_of([image]).sentences)


def test_the_validation_is_that_of_the_head_of_the_run(tmp_path, head):
    calls, settings = head
    run = {"head": calls.head, "settings": settings.model_dump(mode="json")}
    found = validation_of(run)
    right = (calls.probabilities.argmax(axis=1) == calls.codes).mean()
    scores = {name: (value, low, high) for name, value, low, high in found.scores}
    value, low, high = scores["Accuracy"]
    assert value == pytest.approx(right, abs=1e-4)
    assert low <= value <= high
    assert sum(map(sum, found.confusion)) == len(calls.codes)
    assert found.over == "12 slides, 240 cells"
    other = validation_of(run | {"head": "another@2"})
    assert not other.scores
    assert "another@2 is not here" in other.sentence
    assert "without a head" in validation_of({"settings": {}}).sentence


def test_shares_are_corrected_by_the_held_out_calls(tmp_path, head):
    calls, settings = head
    images_of(tmp_path / "run", settings=settings, head=calls.head)
    text = " ".join(Page(write_report(tmp_path / "run", title="a").read_text(encoding="utf-8")).text.split())
    assert "Corrected for the errors of the head" in text
    assert "expectation maximisation" in text
    assert "12 slides, 240 cells" in text


def test_a_head_for_show_that_ships_is_judged_by_its_card(tmp_path):
    identity = load_model("demo-head").identity
    found = validation_of({"head": identity, "settings": {"classify": {"head": "demo-head"}}})
    assert "By its own card" in found.sentence
    assert "synthetic slides" in found.over
    assert all(low is None for _, _, low, _ in found.scores)


@pytest.mark.parametrize(
    ("changes", "said", "cited"),
    [
        ({"preprocess": {"clahe": True}}, "equalised by CLAHE (clip limit 0.02)", ("clahe",)),
        ({"preprocess": {"denoise": True}}, "denoised by total variation", ("tv",)),
        ({"preprocess": {"clip": False, "normalise": False}}, "flow threshold 0.4", ("unet", "cellpose")),
        ({"segment": {"segmenter": "cpsam_v2", "diameter": 30}}, "diameter 30 px", ("cellpose-sam",)),
        ({"segment": {"segmenter": "classical", "method": "local"}}, "method local", ("otsu", "watershed")),
        ({"segment": {"segmenter": "foreground"}}, "divided by watershed", ("unet", "vnet", "watershed")),
        ({"classify": {"unsure": "conformal"}}, "conformal sets", ("conformal",)),
        ({"quality": {"border": False, "debris": False}}, "segmented with compact", ("unet",)),
    ],
)
def test_methods_are_written_from_the_settings(tmp_path, changes, said, cited):
    made = {"head": "demo-head@1", "encoder": "cell-vit@2", "calibrated": True}
    images = images_of(tmp_path, settings=AnalyseSettings.model_validate(changes), **made)
    text, references = methods_paragraph(images, explained=ExplainSettings(), corrected=True, measured=True)
    assert said in text
    for name in (*cited, "dinov2", "hirescam", "temperature", "saerens", "wilson", "medoids", "mcnemar", "holm"):
        assert REFERENCES[name] in references
    numbers = {int(n) for group in re.findall(r"\[([\d, ]+)\]", text) for n in group.split(", ")}
    assert numbers == set(range(1, len(references) + 1))
    assert ("Not classified were" in text) == ("quality" not in changes)


def test_methods_of_a_run_without_a_head_claim_no_classes(tmp_path):
    images = images_of(tmp_path, head=None)
    text, references = methods_paragraph(images)
    assert "counted without classes" in text
    assert "Wilson" not in text
    assert REFERENCES["temperature"] not in references


def test_limits_follow_the_numbers(tmp_path):
    images = images_of(tmp_path, samples=({}, {}))
    good = Validation("good", over="9 slides, 90 cells", scores=(("Accuracy", 0.9, 0.8, 0.95),))
    plain = " ".join(limits_of(images, good))
    assert "compare conditions over images" in plain
    assert "9 slides" in plain
    assert "One image" in " ".join(limits_of(images[:1], good))
    assert "take its classes as a guess" in " ".join(limits_of(images, Validation("none")))
    shown = images_of(tmp_path / "b", demonstration="trained on synthetic cells")
    assert limits_of(shown, good)[0].startswith("The head is one for show")
    assert all(limits_of(some, good)[-1] == "Research use only, not for diagnosis." for some in (images, [], shown))


def test_classes_that_people_gave_are_told_as_theirs_and_lift_no_limit_of_the_head(tmp_path):
    (image,) = images_of(tmp_path)
    assert by_hand([image]) == ""
    called = image.cells["label"].isin(CLASSES)
    cells = image.cells.assign(manual_label=image.cells["label"].where(called, ""), unlike_training=called)
    wrong = cells.index[called][0]
    cells.loc[wrong, "manual_label"] = next(name for name in CLASSES if name != cells.loc[wrong, "label"])
    labelled = replace(image, cells=cells, answer=judge(cells))
    n, accepted = int(called.sum()), int((called & cells["qc_pass"]).sum())
    assert f"Of {len(cells)} cells {n} have a class that somebody gave them" in by_hand([labelled])
    assert f"Of {accepted} of them the head says the same of {accepted - 1} (" in by_hand([labelled])
    limits = " ".join(limits_of([labelled], Validation("none")))
    assert "100 % of the classified cells are unlike the training cells" in limits
    assert "Maps and findings show what the head goes by" in limits


def test_figures_are_those_of_the_head_shown(tmp_path):
    figure = ReportFigure("Typical <cancer>", "four cells", '<?xml?><svg><g id="a"><use href="#a"/></g></svg>')
    write_figures(tmp_path, [figure], "mine@1")
    assert maps_made_by(tmp_path) is None
    write_figures(tmp_path, [figure], "mine@1", ExplainSettings(method="layercam", layer=1))
    assert maps_made_by(tmp_path) == ExplainSettings(method="layercam", layer=1)
    assert read_figures(tmp_path, "mine@1") == [figure]
    assert read_figures(tmp_path, "other@1") == []
    assert read_figures(tmp_path / "nowhere", None) == []
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "labels.tif").touch()
    assert read_figures(tmp_path, "mine@1") == []


def test_drawings_on_one_page_do_not_share_names():
    drawing = '<svg><clipPath id="p1"/><g clip-path="url(#p1)"/><use xlink:href="#p1"/></svg>'
    first = inline(f'<?xml version="1.0"?>{drawing}')
    second = inline("<svg><g id='x' id=\"p1\"/><rect/></svg>")
    assert first.startswith("<svg>")
    (name,) = re.findall(r'<clipPath id="([^"]+)"', first)
    assert first.count(name) == 3
    assert name not in second


def test_charts_show_every_row_and_escape_names(tmp_path):
    images = images_of(tmp_path)
    none = replace(images[0].counts, n_of=dict.fromkeys(CLASSES, 0))
    drawn = share_chart([(HOSTILE, images[0].counts), ("empty", none)], CLASSES, "cancer")
    assert drawn.count("<circle") == 1
    assert "none called" in drawn
    assert "<b>" not in drawn
    bins = [{"n": 9, "said": 0.05, "was": 0.0}, {"n": 1, "said": 1, "was": 1}]
    assert calibration_chart(bins, "cancer", CLASSES).count("<circle") == 2
    assert np.isfinite([float(x) for x in re.findall(r'c[xy]="([\d.]+)"', drawn)]).all()


def test_words():
    assert (listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])) == ("a", "a and b", "a, b and c")
    assert (counted(1, "image"), counted(2000, "image")) == ("1 image", "2,000 images")
    assert counted(2, "box", "boxes") == "2 boxes"


def test_findings_are_those_of_what_was_measured_and_say_so_where_nothing_was(tmp_path, monkeypatch):
    images_of(tmp_path, samples=({}, {}))
    write_report(tmp_path, title="a")
    assert "It was not measured in this run" in (tmp_path / "report.html").read_text(encoding="utf-8")
    table = pd.DataFrame({"target": "cancer", "stem": ["toy0", "toy1"]}, index=pd.Index([1, 1], name="cell_id"))
    asked = []
    monkeypatch.setattr(page, "findings", lambda measured, target, _doubt: asked.append((measured, target)) or SAID)
    write_cells(table, summary_path(tmp_path, "cancer"))
    html = write_report(tmp_path, title="a").read_text(encoding="utf-8")
    assert "Nuclei decide &lt;most&gt;." in html
    assert "Cells of two images." in html
    assert "McNemar" in html
    (measured, target), *_ = asked
    assert (target, list(measured["stem"]), list(measured["truth"])) == ("cancer", ["toy0", "toy1"], ["", ""])


SAID = Findings("cancer", 2, 2, {}, {"places": ("Nuclei decide <most>.",)}, ("Cells of two images.",))
