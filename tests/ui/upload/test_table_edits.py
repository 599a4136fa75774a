"""What is typed into the table of images reaches the store once, whatever else is typed or refused or changed."""

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import CellappError
from cellapp.store import images
from cellapp.ui.upload.image_table import image_rows
from cellapp.ui.upload.table_edits import apply_edits, fresh_edits
from tests.pages.seeding import seed_image

EDITS = st.dictionaries(
    st.integers(0, 5), st.dictionaries(st.sampled_from("abc"), st.none() | st.text("xy", max_size=2)), max_size=5
)


@settings(max_examples=50, deadline=None)
@given(EDITS, EDITS)
def test_what_is_saved_and_what_is_fresh_is_all_that_was_typed(saved, edits):
    fresh = fresh_edits(saved, edits)
    joined = {row: saved.get(row, {}) | fresh.get(row, {}) for row in edits}
    assert all(joined[row][name] == value for row, changes in edits.items() for name, value in changes.items())
    assert fresh_edits(edits, edits) == {}
    assert fresh_edits({}, edits) == {row: changes for row, changes in edits.items() if changes}


def test_a_refused_row_keeps_no_other_from_the_store(tmp_path):
    one, two = (seed_image(tmp_path, seed=seed).image for seed in (1, 2))
    with pytest.raises(CellappError, match="pixel"):
        apply_edits([one.id, two.id], {0: {"um_per_px": -1.0, "batch": "1"}, 1: {"cell_line": "MCF7"}})
    assert dict(images.get_image(one.id).conditions) == {"batch": "1"}
    assert dict(images.get_image(two.id).conditions) == {"cell_line": "MCF7"}


def test_the_table_has_the_same_types_whatever_is_filled_in(tmp_path):
    # Another schema is another table for the browser, which drops what is being typed.
    image = seed_image(tmp_path).image
    bare = replace(image, um_per_px=None, conditions={})
    full = replace(image, um_per_px=1.0, conditions={"cell_line": "MCF7", "dose": "2"})
    schemas = [
        pa.Table.from_pandas(image_rows(records)).schema.remove_metadata() for records in ([bare], [full], [bare, full])
    ]
    assert schemas[0] == schemas[1] == schemas[2]
