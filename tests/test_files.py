"""Files are whole or absent, their names fit every file system, and only `cellapp.files` renames them."""

import ast
import os
import re
import subprocess
import sys
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.files import (
    atomic_folder,
    atomic_write,
    clean_name,
    clean_text,
    is_litter,
    move_into_place,
    safe_stem,
    unique_stems,
    without_litter,
)
from tests.paths import ROOT

TEMPORARY = {"mkstemp", "mkdtemp", "mktemp"}
HOSTILE = [
    "../../etc/passwd",
    "..\\..\\windows\\system32",
    "<script>alert(1)</script>.tif",
    "a\nb\r\nc\x00d.tif",
    "=cmd|'/c calc'!A1.tif",
    "\u202egnp.exe",
    "   ",
    "...",
    "/",
    "",
    "con.tif",
    "lpt1.v2.tif",
    "é" * 500 + ".tif",
    "细胞.png",
]
RENAMES = {"os.replace", "os.rename", "os.renames", "shutil.move"}


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(TypeError), atomic_write(path) as part:
        part.write_text("half") + None
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.txt": "old"}


_WRITER = """
import sys, time
from pathlib import Path
from cellapp.files import atomic_folder
with atomic_folder(Path(sys.argv[1])) as part:
    (part / "half").write_text("x")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no locks that end with their process")
def test_what_a_killed_process_left_goes_with_the_next_folder_and_not_what_another_one_writes(tmp_path):
    def unfinished():
        return len(list(tmp_path.glob(".*.part")))

    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path / name)], stdout=subprocess.PIPE, cwd=ROOT)
        for name in "ab"
    ]
    try:
        assert all(writer.stdout.readline() for writer in writers)
        assert unfinished() == 2
        with atomic_folder(tmp_path / "c"):
            assert unfinished() == 3
        writers[0].kill()
        writers[0].wait()
        with atomic_folder(tmp_path / "c"):
            assert unfinished() == 2
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()


@pytest.mark.parametrize("write", [atomic_write, atomic_folder])
def test_an_error_of_the_disk_names_what_was_asked_for(tmp_path, write):
    (tmp_path / "file").write_text("no folder")
    for target in (tmp_path / "file" / "out.csv", tmp_path / "file" / "deep" / "out.csv"):
        with pytest.raises((FileExistsError, NotADirectoryError)) as told, write(target):
            pass
        assert ".part" not in str(told.value)
        assert str(tmp_path / "file") in str(told.value.filename)
    with pytest.raises(FileNotFoundError) as told, write(tmp_path / "out") as part:
        (part / "gone" / "b").write_text("x")
    assert told.value.filename == str(tmp_path / "out")


def test_finished_write_replaces_the_old_file(tmp_path):
    with atomic_write(tmp_path / "new" / "a.txt") as part:
        part.write_text("new")
        assert part.name == "a.txt"
    assert [(p.name, p.read_text()) for p in (tmp_path / "new").iterdir()] == [("a.txt", "new")]


def test_readers_see_the_old_file_while_the_new_one_is_written(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_write(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        assert all(p.name.startswith(".") or p == path for p in tmp_path.iterdir()), "lists of files would show it"


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as first, atomic_write(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first", "the one that ends last"
    assert list(tmp_path.iterdir()) == [path]


def test_folder_is_replaced_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "a"
    for name in ("one", "two"):
        with atomic_folder(folder) as part:
            (part / name).touch()
    with pytest.raises(FileExistsError), atomic_folder(folder) as part:
        part.mkdir()
    assert [p.relative_to(tmp_path).as_posix() for p in sorted(tmp_path.rglob("*"))] == ["a", "a/two"]


def test_a_folder_never_replaces_another_that_holds_something(tmp_path):
    for name in ("new", "old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    with pytest.raises(OSError, match="old"):
        move_into_place(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old" / "old").exists()


def _renames_a_path(call: ast.Call) -> bool:
    """Whether a call renames a file, or makes a temporary one to be renamed; text and tables take other arguments."""
    name = ast.unparse(call.func)
    method = name.rpartition(".")[2] if isinstance(call.func, ast.Attribute) else ""
    keeps = any(word.arg == "delete" and ast.unparse(word.value) == "False" for word in call.keywords)
    one_argument = len(call.args) == 1 and not call.keywords
    return (
        name in RENAMES
        or name.rpartition(".")[2] in TEMPORARY
        or (method in ("replace", "rename") and one_argument)
        or ("NamedTemporaryFile" in name and keeps)
    )


def test_files_are_renamed_in_one_module_only():
    sources = [*ROOT.glob("cellapp/**/*.py"), *ROOT.glob("pages/**/*.py"), *ROOT.glob("*.py")]
    by_hand = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)}"
        for path in sources
        if path != ROOT / "cellapp" / "files.py"
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and _renames_a_path(call)
    ]
    assert not by_hand, "use cellapp.files.atomic_write: " + "; ".join(by_hand)


@pytest.mark.parametrize(
    "code", ["part.replace(path)", "os.replace(a, b)", "path.rename(old)", "NamedTemporaryFile('w', delete=False)"]
)
def test_the_search_knows_a_rename(code):
    assert _renames_a_path(ast.parse(code).body[0].value)
    assert not _renames_a_path(ast.parse("text.replace('a', 'b')").body[0].value)


@given(st.text(max_size=300))
def test_a_clean_name_is_one_line_of_bounded_printable_text(name):
    cleaned = clean_name(name)
    assert len(cleaned.encode()) <= 255
    assert 0 < len(cleaned) <= 200
    assert cleaned.isprintable()
    assert "/" not in cleaned
    assert "\\" not in cleaned
    assert clean_name(cleaned) == cleaned


@pytest.mark.parametrize("name", [".", "..", "a/..", "\u200b..", "..\0", " .. ", "\u202e.\n"])
def test_a_clean_name_leads_to_no_other_folder(name, tmp_path):
    assert (tmp_path / clean_name(name)).resolve().parent == tmp_path.resolve()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_stem_is_a_harmless_folder_name(name, tmp_path):
    folder = tmp_path / safe_stem(name)
    folder.mkdir()
    assert folder.parent == tmp_path
    assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,100}", folder.name)
    assert not re.fullmatch(r"con|lpt1", folder.name.split(".")[0], re.IGNORECASE), "a device on Windows"


@given(st.lists(st.sampled_from([*HOSTILE, "a.tif", "A.tif", "a.png", "a_2.tif"]), max_size=12))
def test_stems_never_meet_even_where_case_is_ignored(names):
    stems = unique_stems(names)
    assert len(stems) == len(names)
    assert len({stem.lower() for stem in stems}) == len(names)


def test_ordinary_names_stay_what_they_are():
    assert clean_name("C:\\data\\MCF7 day 2.ome.tif") == "MCF7 day 2.ome.tif"
    assert clean_name("x" * 300 + ".ome.tif") == "x" * 192 + ".ome.tif"
    assert clean_name("细" * 100 + ".tif") == "细" * 78 + ".tif"
    assert safe_stem("MCF7_day-2.ome.tif") == "MCF7_day-2"
    assert safe_stem("image.v2.tiff") == "image.v2"
    assert safe_stem("5 nM / 24 h") == "5_nM_24_h"
    assert clean_text("5 nM / 24 h") == "5 nM / 24 h"
    assert unique_stems(["x.tif", "y.tif", "x.png"]) == ("x", "y", "x_2")


LITTER = [
    *(
        "._a.tif",
        ".DS_Store",
        ".hidden",
        "Thumbs.db",
        "THUMBS.DB",
        "ehthumbs.db",
        "desktop.ini",
        "Desktop.ini",
        "~$a.csv",
    ),
    *(
        "__MACOSX",
        "__macosx",
        ".ipynb_checkpoints",
        ".Trash-1000",
        ".Trashes",
        "$RECYCLE.BIN",
        "System Volume Information",
    ),
    *("@eaDir", "Icon\r", "lost+found", ".git", "__pycache__"),
]
KEPT = [
    "a.tif",
    "a..1.tif",
    "a._b.tif",
    "_a.tif",
    "__a.tif",
    "MACOSX",
    "Thumbs.tif",
    "thumbs",
    "desktop",
    "~a.tif",
    "\u2026.tif",
]


@given(
    st.lists(st.sampled_from(KEPT), max_size=3), st.sampled_from(LITTER), st.lists(st.sampled_from(KEPT), max_size=3)
)
def test_one_part_that_is_litter_makes_all_below_it_litter(above, part, below):
    for slash in "/\\":
        assert is_litter(slash.join([*above, part, *below]))
        assert not is_litter(slash.join([*above, *below]))
    assert is_litter(PurePath(*above, part, *below))
    assert not is_litter(PurePath("..", *above, ".", *below))


@pytest.mark.parametrize("key", [".zattrs", ".zgroup", "0/.zarray", ".zmetadata"])
def test_hidden_files_that_a_zarr_consists_of_are_none(key):
    assert not is_litter(f"a.zarr/{key}")
    assert is_litter(f"__MACOSX/a.zarr/{key}")


def test_where_a_folder_lies_does_not_matter(tmp_path):
    folder = tmp_path / ".cache" / "__MACOSX"
    assert without_litter([folder / "b.tif", folder / "._a.tif", folder / "a.tif"], folder) == [
        folder / "a.tif",
        folder / "b.tif",
    ]
