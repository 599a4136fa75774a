import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.exports.image_folder import write_analysis
from cellapp.exports.report.counts import headline
from cellapp.exports.report.page import write_report
from cellapp.exports.report.words import percent
from tests.exports.toy import HOSTILE, SETTINGS, toy_analysis


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.links, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]

    def handle_data(self, data):
        self.text += data


def report(tmp_path, *analyses, title="My run"):
    for analysis, slide in analyses:
        write_analysis(analysis, slide, tmp_path, settings=SETTINGS)
    return write_report(tmp_path, title=title).read_text(encoding="utf-8")


def test_report_says_the_answer_and_that_it_is_no_diagnosis(tmp_path):
    page = Page(report(tmp_path, toy_analysis(9), toy_analysis(4, name="second")))
    assert re.search(r"\d+ cells in 2 images: \d+ % cancer \(\d+ to \d+\)", page.text)
    assert "Research use only, not for diagnosis." in page.text
    assert "segmenter" in page.text
    assert page.tags.count("img") == 2


def test_counts_have_one_column_per_class_and_the_chart_says_which_class_it_shows(tmp_path):
    classes = ("round", "flat", "mitotic", "late")
    html = report(tmp_path, toy_analysis(9, classes=classes))
    table = html.partition('id="counts"')[2].partition("</thead>")[0]
    assert [table.count(f"{name}: cells, share") for name in classes] == [1] * 4
    assert table.count("<th ") == 2 + len(classes) + 4
    assert "Share of round in the cells that were called" in Page(html).text


def test_nothing_is_asked_of_the_network(tmp_path):
    html = report(tmp_path, toy_analysis(4))
    assert all(link.startswith("data:") for link in Page(html).links)
    assert "url(" not in html
    assert "@import" not in html


def test_hostile_names_stay_text(tmp_path):
    name = "</pre><script>alert(1)</script><img src=x onerror=y>"
    page = Page(report(tmp_path, toy_analysis(9, classes=(name, HOSTILE)), title=name))
    assert "script" not in page.tags
    assert page.tags.count("img") == 1
    assert name in page.text


@pytest.mark.parametrize("classes", [(), ("cancer", "normal")])
@pytest.mark.parametrize("n", [0, 1])
def test_zero_and_one_cell(tmp_path, n, classes):
    text = Page(report(tmp_path, toy_analysis(n, classes=classes))).text
    assert ("1 cell in 1 image" if n else "0 cells in 1 image") in text
    assert "nan" not in text.lower().split()


def test_run_without_finished_images(tmp_path):
    assert "0 cells in 0 images" in report(tmp_path)


def test_answer_names_the_doubts():
    cells = toy_analysis(9)[0].cells
    some = cells.assign(unlike_training=cells.index.isin(cells.index[:3]))
    sentence = headline([some], ("cancer", "normal"))
    assert "3 unlike the training cells" in sentence
    assert "1 rejected by the quality rules" in sentence


@given(sizes=st.lists(st.integers(0, 9), max_size=4), rejected=st.integers(0, 9))
def test_the_headline_counts_every_cell_of_every_image(sizes, rejected):
    tables = [pd.DataFrame({"qc_pass": np.arange(n) >= rejected}) for n in sizes]
    sentence = headline(tables, ())
    n_cells, n_rejected = sum(sizes), sum(min(n, rejected) for n in sizes)
    cells, images = "cell" if n_cells == 1 else "cells", "image" if len(sizes) == 1 else "images"
    assert sentence.startswith(f"{n_cells} {cells} in {len(sizes)} {images}")
    assert (f"{n_rejected} rejected by the quality rules" in sentence) == (n_rejected > 0)


@given(st.floats(0, 1))
def test_a_share_is_shown_as_whole_per_cent(share):
    assert abs(int(percent(share).removesuffix(" %")) - 100 * share) <= 0.5


def test_a_report_is_written_where_it_is_asked_for(tmp_path):
    assert write_report(tmp_path, title="a") == tmp_path / "report.html"
    assert (
        write_report(tmp_path, title="a", path=tmp_path / "new" / "b.html").read_bytes()
        == (tmp_path / "report.html").read_bytes()
    )


def test_classes_that_are_no_answer_give_no_share_outside_the_folded_part(tmp_path):
    analysis, slide = toy_analysis(9)
    unlike = replace(analysis, name="unlike", cells=analysis.cells.assign(unlike_training=True))
    text = Page(report(tmp_path, (unlike, slide))).text
    first, _, folded = text.partition("What the unfit head says")
    assert "11 cells in 1 image. No classifier for cells like these: " in " ".join(first.split())
    assert " % cancer" not in first
    assert "no answer" in first
    assert folded


def test_a_head_for_show_says_so_in_the_report(tmp_path):
    analysis, slide = toy_analysis(9)
    shown = replace(analysis, provenance={**analysis.provenance, "demonstration": "trained on synthetic cells"})
    first, _, folded = Page(report(tmp_path, (shown, slide))).text.partition("What the unfit head says")
    words = " ".join(first.split())
    assert "11 cells in 1 image. For show only: demonstration head, trained on synthetic cells." in words
    assert " % cancer" not in first
    assert " % cancer" in folded.replace("\n", " ")


def test_on_paper_the_shares_of_an_unfit_head_keep_the_words_that_they_are_no_answer(tmp_path):
    printed = report(tmp_path, toy_analysis(4)).split("@media print")[1].split("</style>")[0]
    assert "summary" in printed
    assert not re.search(r"summary[^{}]*{[^}]*display:\s*none", printed)
