"""One zip holds every file of a run, byte for byte."""

import io
import zipfile

from cellapp.exports.zip_bundle import bundle_files, write_bundle


def _folder(root):
    (root / "a" / "explanations").mkdir(parents=True)
    files = {"summary.csv": b"image\n", "a/cells.csv": b"cell_id\n" * 1000, "a/overlay.png": b"\x89PNG" * 9}
    files["a/explanations/1.png"] = b""
    for name, content in files.items():
        (root / name).write_bytes(content)
    return files


def _pack(folder, files=None):
    stream = io.BytesIO()
    write_bundle(folder, stream, files)
    return stream


def test_every_file_comes_out_as_it_went_in(tmp_path):
    files = _folder(tmp_path / "run")
    with zipfile.ZipFile(_pack(tmp_path / "run")) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_half_written_and_hidden_files_stay_out(tmp_path):
    _folder(tmp_path)
    (tmp_path / ".b.part").mkdir()
    (tmp_path / ".b.part" / "cells.csv").write_bytes(b"half")
    (tmp_path / "projection.part.npz").write_bytes(b"half")
    assert len(bundle_files(tmp_path)) == 4


def test_the_same_files_give_the_same_bytes(tmp_path):
    _folder(tmp_path / "run")
    first = _pack(tmp_path / "run").getvalue()
    (tmp_path / "run" / "summary.csv").touch()
    assert _pack(tmp_path / "run").getvalue() == first


def test_an_empty_run_is_an_empty_zip(tmp_path):
    (tmp_path / "run").mkdir()
    with zipfile.ZipFile(_pack(tmp_path / "run")) as archive:
        assert archive.namelist() == []


def test_only_chosen_files_when_asked(tmp_path):
    _folder(tmp_path)
    packed = _pack(tmp_path, [tmp_path / "a" / "cells.csv"])
    assert zipfile.ZipFile(packed).namelist() == ["a/cells.csv"]
