"""Labels come back from a table as they went in, however it was saved, and lines that are none are named."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.files import clean_text
from cellapp.labelling.analysed_cells import AnalysedCells
from cellapp.labelling.label_table import TableLabel, place, read_label_table, write_label_table
from cellapp.labelling.sources import ColumnRule, LabelSource, rule_of

NAME = st.text(st.sampled_from("abcdé正клетка=+-@'\",;\t| "), min_size=1, max_size=9).map(clean_text)
TIME = st.datetimes(
    datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.sampled_from([UTC, timezone(timedelta(hours=5))])
)
NUMBER = st.floats(0, 1e6, allow_nan=False).map(lambda value: round(value, 3))
LABEL = st.builds(
    TableLabel,
    image=NAME,
    class_name=st.sampled_from(["a, b", "=cmd()", "正常", "'x", "mitotic; late", "@"]),
    cell_id=st.integers(1, 2**31 - 1),
    y=NUMBER,
    x=NUMBER,
    who=st.one_of(st.just(""), NAME),
    when=TIME,
    source=st.sampled_from([LabelSource.HAND, LabelSource.TABLE]),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LABEL, max_size=5))
def test_what_is_written_is_read(tmp_path, labels):
    path = write_label_table(labels, tmp_path / "labels.csv")
    read, left_out = read_label_table(path)
    assert left_out == []
    assert [label.line for label in read] == list(range(2, len(labels) + 2))
    assert [(*vars(label).values(),)[:-1] for label in read] == [(*vars(label).values(),)[:-1] for label in labels]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize(("separator", "point"), [(",", "."), (";", ","), ("\t", ","), ("|", ".")])
def test_tables_of_spreadsheets_are_read(tmp_path, encoding, separator, point):
    rows = [
        ["Image", "Y", "X", "Class"],
        ["слайд 1", f"10{point}5", "3", '"a, b; c"'],
        ["слайд 1", "4", f"2{point}0", "正常"],
    ]
    path = tmp_path / "labels.csv"
    path.write_bytes("\r\n".join(separator.join(row) for row in rows).encode(encoding))
    labels, left_out = read_label_table(path)
    assert left_out == []
    assert [(one.image, one.y, one.x, one.class_name) for one in labels] == [
        ("слайд 1", 10.5, 3, "a, b; c"),
        ("слайд 1", 4, 2, "正常"),
    ]
    assert {one.source for one in labels} == {LabelSource.TABLE}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a,1,,,", "class is empty"),
        ("a,1,,, ", "class is empty"),
        ("a,,,,x", "no cell is named"),
        ("a,,3,,x", "no cell is named"),
        ("a,1.5,,,x", "cell_id is a whole number"),
        ("a,0,,,x", "cell_id is a whole number"),
        ("a,one,,,x", "cell_id is a number"),
        ("a,,3,nan,x", "x is a number"),
        ("a,1,,,unsure", "is no class"),
    ],
)
def test_a_line_that_is_no_label_is_named_and_the_others_are_read(tmp_path, line, words):
    path = tmp_path / "labels.csv"
    path.write_text(f"image,cell_id,y,x,class\na,1,,,good\n{line}\nb,2.0,,,good\n", encoding="utf-8")
    labels, (sentence,) = read_label_table(path)
    assert [(one.image, one.cell_id) for one in labels] == [("a", 1), ("b", 2)]
    assert sentence.startswith("line 3: ")
    assert words in sentence
    assert "\n" not in sentence


def test_two_spellings_of_a_class_are_refused(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("cell_id,class\n1,Normal\n2,normal\n", encoding="utf-8")
    with pytest.raises(InputError, match="spelling alone"):
        read_label_table(path)


def test_a_rule_is_its_source():
    rule = ColumnRule("cell_line", "MCF 10A = control", "normal", "Ada", datetime.now(UTC))
    assert rule_of(rule.text) == ("cell_line", "MCF 10A = control")
    assert all(rule_of(source) is None for source in ("hand", "table", "", "column", "columns a = b"))


@pytest.fixture
def bent(monkeypatch):
    """Cell 5 is bent around cell 9, where its centre lies; cell 7 is elsewhere."""
    labels = np.zeros((12, 12), np.int32)
    labels[1:9, 1:9], labels[3:7, 3:9], labels[4:6, 4:6], labels[10, 10] = 5, 0, 9, 7
    boxes = pd.DataFrame(
        [(1, 1, 9, 9), (10, 10, 11, 11), (4, 4, 6, 6)],
        index=pd.Index([5, 7, 9], name="cell_id"),
        columns=["bbox_y0_px", "bbox_x0_px", "bbox_y1_px", "bbox_x1_px"],
    )
    cells = AnalysedCells(None, boxes.assign(area_px=1, manual_label=""))
    vars(cells)["_source"] = (lambda region: labels[None, *region.slices], labels.shape)
    return cells


@pytest.mark.parametrize(
    ("cell_id", "y", "x", "found"),
    [
        (5, None, None, 5),
        (6, None, None, None),
        (5, 4.6, 4.4, 5),  # its own centre, on cell 9
        (7, 4.6, 4.4, 9),  # numbers of another segmentation: the position counts
        (None, 4.6, 4.4, 9),
        (None, 0, 0, None),
        (6, 10, 10, 7),
        (7, 0, 0, None),
    ],
)
def test_a_position_decides_unless_it_lies_in_the_box_of_the_cell_named(bent, cell_id, y, x, found):
    assert place(TableLabel("i", "a", cell_id, y, x), bent) == found
