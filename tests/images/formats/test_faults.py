"""A file that breaks a format library is refused in words for its owner, and never with the library's."""

import json
import random
import shutil
import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks import fuzz_files
from cellapp.config import app_settings
from cellapp.errors import CellappError
from cellapp.images.archive import extract_images
from cellapp.images.formats import faults
from cellapp.images.formats.faults import UnfitError, fault
from cellapp.images.probe import admit_all
from cellapp.images.read import open_slide

KINDS = [kind for kind in fuzz_files.READERS if kind != "table"]
WAYS_OUT = ("copy", "export", "upload", "choose", "accepted are", "put all of them", "put fewer", "convert")
NOT_FOR_USERS = (
    "b'", 'b"', "0x", "Errno", "codec can't", "out of range", "object has no", "NoneType", "requires a buffer", "() ",
    "returned", "unpack", "literal", "Chunk", "char ", "/", "\n",
)  # fmt: skip


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds")
    fuzz_files.write_seeds(folder)
    return folder


def read(path: Path, kind: str) -> None:
    if kind == "zip":
        into = path.parent / "unpacked"
        into.mkdir(exist_ok=True)
        extract_images(path, into, app_settings().budget)
        return
    one = sorted(path.iterdir())[0] if kind == "ome-tiff" and path.is_dir() else path
    for info in admit_all(one):
        open_slide(one, selection=info.selection).region()


def refusal(path: Path, kind: str) -> CellappError | None:
    """The error by which a file is refused; a damaged file may be readable all the same."""
    try:
        read(path, kind)
    except CellappError as error:
        return error
    return None


def cut(seed: Path, target: Path, part: float) -> Path:
    """Copy a file, or a folder that is one, of which one file keeps only a part of its bytes."""
    if seed.is_dir():
        shutil.copytree(seed, target)
        chosen = random.Random(part).choice(sorted(path for path in target.rglob("*") if path.is_file()))
    else:
        chosen = Path(shutil.copyfile(seed, target))
    content = chosen.read_bytes()
    chosen.write_bytes(content[: int(len(content) * part)])
    return target


def check_told(error: CellappError, name: str) -> None:
    message = str(error)
    assert f"'{name}'" in message or name in message, message
    assert any(way in message for way in WAYS_OUT), message
    assert not [words for words in NOT_FOR_USERS if words in message.replace("Operetta/Harmony", "")], message


@pytest.mark.parametrize("kind", KINDS)
def test_cut_off_files_are_refused_with_the_file_the_rule_and_the_way_out(seeds, tmp_path, kind):
    n_refused = 0
    for seed in sorted(seeds.glob(f"{kind}-*")):
        if seed.is_file() or seed.is_dir():
            for part in (0.02, 0.1, 0.3, 0.5, 0.8, 0.97):
                target = cut(seed, tmp_path / f"cut {part} {seed.name}", part)
                if error := refusal(target, kind):
                    names = [target.name, *(path.name for path in target.rglob("*"))]
                    check_told(error, next((name for name in names if f"'{name}'" in str(error)), target.name))
                    n_refused += 1
    assert n_refused


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("harmony", "zip")])
def test_damaged_files_are_refused_without_the_words_of_libraries(seeds, tmp_path, kind):
    for number in range(40):
        target = tmp_path / f"damaged {number}"
        fuzz_files.write_damaged(seeds, kind, number, target)
        error = refusal(target, kind)
        if error is not None and error.__cause__ is not None:
            assert fault(error.__cause__) in str(error)
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (EOFError(), faults.CUT_OFF),
        (struct.error("unpack requires a buffer of 2 bytes"), faults.CUT_OFF),
        (OSError("image file is truncated (3 bytes not processed)"), faults.CUT_OFF),
        (NotImplementedError(), faults.NOT_READ),
        (OSError("Unsupported BMP compression (9)"), faults.NOT_READ),
        (RuntimeError("Zstd decompression error: invalid input data"), faults.CHANGED),
        (IndexError("index 0 out of range(0)"), faults.UNFIT),
        (KeyError("block0"), faults.UNFIT),
        (AttributeError("'NoneType' object has no attribute 'kind'"), faults.UNFIT),
        (FileNotFoundError("a/0 does not exist"), faults.MISSING),
        (UnfitError("it has no end"), "it has no end"),
    ],
)
def test_each_kind_of_failure_has_its_words(error, words):
    assert fault(error) == words


def test_text_that_is_malformed_is_told_by_its_place():
    with pytest.raises(json.JSONDecodeError) as of_json:
        json.loads('{"a": 1,\n "b"')
    with pytest.raises(ElementTree.ParseError) as of_xml:
        ElementTree.fromstring("<a>\n<b")
    for refused in (of_json, of_xml):
        assert "in line 2, column" in fault(refused.value)
    assert "from byte 2 on" in fault(UnicodeDecodeError("utf-8", b"a\xff", 1, 2, "invalid start byte"))
