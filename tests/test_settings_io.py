"""What is written as a recipe is read as it was."""

from hypothesis import given
from hypothesis import strategies as st

from cellapp.settings_io import read_toml, to_toml

KEYS = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
PLAIN = st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(allow_nan=False, allow_infinity=False)
TABLES = st.dictionaries(KEYS, PLAIN | st.lists(PLAIN, max_size=3), max_size=4)


@given(content=st.dictionaries(KEYS, PLAIN | TABLES | st.lists(TABLES, min_size=1, max_size=3), max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(to_toml(content), encoding="utf-8")
    assert read_toml(path) == content
