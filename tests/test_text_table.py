"""Tables that people write mean the same whatever a spreadsheet made of them."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.text_table import SEPARATORS, read_table

VALUE = st.text(st.sampled_from('ab,;|\t"\\ \u00e4\u03b2'), max_size=6).map(str.strip)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]


def written(rows, separator, ending="\r\n"):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=ending).writerows(rows)
    return text.getvalue()


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(st.tuples(VALUE.filter(bool), VALUE, VALUE), min_size=1, max_size=5),
    separator=st.sampled_from(SEPARATORS),
    encoding=st.sampled_from(ENCODINGS),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    declared=st.booleans(),
)
def test_separator_encoding_and_line_ends_do_not_matter(tmp_path, rows, separator, encoding, ending, declared):
    text = written([("file", "class", "x"), *rows], separator, ending)
    text = f"sep={separator}{ending}{text}" if declared else text
    (tmp_path / "index.csv").write_bytes(text.encode(encoding))
    table = read_table(tmp_path / "index.csv", ["file", "class"])
    assert list(table.itertuples(index=False, name=None)) == rows


@pytest.mark.parametrize(
    "text",
    [
        " file ,class\na.png , cancer \n",
        "File;CLASS\na.png;cancer\n",
        '"file"\t"class"\n"a.png"\t"cancer"\n',
        ",file,class\n0,a.png,cancer\n",
        "\n\nfile,class\n\n,\na.png,cancer\n,\n",
        "file;class;;\na.png;cancer;;\n;;;\n",
        'file, "class"\na.png, "cancer"\n',
        "file,class,note\na.png,cancer\n",
    ],
)
def test_blanks_case_and_empty_lines_do_not_count(tmp_path, text):
    (tmp_path / "index.csv").write_text(text, encoding="utf-8")
    table = read_table(tmp_path / "index.csv", ["file", "class"])
    assert table[["file", "class"]].to_numpy().tolist() == [["a.png", "cancer"]]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no column 'file'; it has none"),
        (b"name,class\na,b\n", "no column 'file'; it has 'name', 'class'"),
        (b"file,class\na.png,b,c\n", "line 2: 3 values under 2 names"),
        (b"file,class\na.png,canc\xe9r\n", "line 2: letters that are not UTF-8; save it as CSV UTF-8"),
        (b"PK\x03\x04 and more", "is a workbook of a spreadsheet"),
        (b'file,class\n"a.png,b\n', "quote the whole value"),
        (b"File,FILE,fIle,class\n", "3 columns 'file'"),
    ],
)
def test_what_cannot_be_read_is_named_in_one_line(tmp_path, content, words):
    (tmp_path / "index.csv").write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_table(tmp_path / "index.csv", ["file", "class"])
    assert "\n" not in str(caught.value)
    assert "index.csv" in str(caught.value)


def test_rows_know_their_line(tmp_path):
    (tmp_path / "index.csv").write_text("sep=;\nfile;class\n\na.png;x\nb.png;\n", encoding="utf-8")
    table = read_table(tmp_path / "index.csv", ["file"], ["group"])
    assert table.index.tolist() == [4, 5]
    assert "group" not in table
