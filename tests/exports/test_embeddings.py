"""Vectors and arrays come back as they were, without pickle, and the same ones give the same bytes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.exports.embeddings import read_embeddings, write_arrays, write_embeddings
from tests.exports.toy import HOSTILE, toy_analysis

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/\\"), min_size=1, max_size=10)
DTYPES = st.sampled_from(["float32", "int64", "bool", "uint16"])
SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)


def test_vectors_come_back_without_pickle(tmp_path):
    embeddings = toy_analysis(3)[0].embeddings
    path = write_embeddings(embeddings, tmp_path / "new" / "e.npz", files=["a", HOSTILE, "c"])
    with np.load(path, allow_pickle=False) as held:
        np.testing.assert_array_equal(held["features"], embeddings.features)
        np.testing.assert_array_equal(held["cell_ids"], embeddings.cell_ids)
        assert held["file"].tolist() == ["a", HOSTILE, "c"]
        assert str(held["encoder"]) == "made@1"


@pytest.mark.parametrize("windows", [True, False])
def test_only_what_there_is_is_written(tmp_path, windows):
    embeddings = toy_analysis(3)[0].embeddings
    if windows:
        embeddings = replace(embeddings, spread_patch=np.ones_like(embeddings.mean_patch))
    with np.load(write_embeddings(embeddings, tmp_path / "e.npz"), allow_pickle=False) as held:
        optional = {"spread_patch"} if windows else set()
        assert set(held.files) == {"cls", "mean_patch", "features", "cell_ids", "encoder"} | optional


@given(named=st.dictionaries(NAMES, st.tuples(SHAPES, DTYPES), max_size=4))
def test_arrays_of_any_name_and_shape_come_back(tmp_path_factory, named):
    rng, path = np.random.default_rng(0), tmp_path_factory.mktemp("arrays") / "a.npz"
    arrays = {name: rng.integers(0, 9, shape).astype(dtype) for name, (shape, dtype) in named.items()}
    with np.load(write_arrays(arrays, path), allow_pickle=False) as held:
        assert set(held.files) == arrays.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(held[name], array)
            assert held[name].dtype == array.dtype
    before = path.read_bytes()
    assert write_arrays(arrays, path).read_bytes() == before, "the clock is no part of the result"


def test_what_would_need_pickle_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        write_arrays({"a": np.array([object()])}, tmp_path / "a.npz")
    assert not list(tmp_path.glob("*.npz"))


@settings(max_examples=60)
@given(at=st.floats(0, 1), change=st.sampled_from(["cut", "bit", "other"]), bit=st.integers(0, 7))
def test_a_damaged_file_of_vectors_is_told_or_reads_as_before(tmp_path_factory, at, change, bit):
    path = tmp_path_factory.mktemp("vectors") / "e.npz"
    embeddings = toy_analysis(3)[0].embeddings
    content = bytearray(write_embeddings(embeddings, path).read_bytes())
    place = min(int(at * len(content)), len(content) - 1)
    if change == "cut":
        del content[place:]
    elif change == "bit":
        content[place] ^= 1 << bit
    else:
        content = b"\x93NUMPY no array" if bit else b"{}"
    path.write_bytes(content)
    try:
        found = read_embeddings(path)
    except InputError as error:
        assert "holds no vectors" in str(error)  # noqa: PT017 both are right
    else:
        np.testing.assert_array_equal(found.cls, embeddings.cls)
