"""The last word of each person counts, and people who differ stay beside each other."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.labelling.sources import ColumnRule, rule_labels
from cellapp.labelling.words import last_words, words_table, words_that_count

START = datetime(2026, 1, 1, tzinfo=UTC)
SAID = st.tuples(
    st.sampled_from("ij"),
    st.integers(1, 3),
    st.sampled_from("xyz"),
    st.sampled_from(["Ada", "Bo", ""]),
    st.integers(0, 9),
)


def rows_of(said):
    return [
        (image, cell, name, who, "hand", START + timedelta(seconds=second), number + 1)
        for number, (image, cell, name, who, second) in enumerate(said)
    ]


@settings(max_examples=50, deadline=None)
@given(st.lists(SAID, max_size=25))
def test_each_person_has_one_word_per_cell_and_it_is_the_last(said):
    rows = rows_of(said)
    expected = {}
    for row in sorted(rows, key=lambda row: (row[5], row[6])):
        expected[row[0], row[1], row[3]] = row[2]
    words = last_words(words_table(rows))
    found = words.set_index(["image_id", "cell_id", "who"])["class_name"].to_dict() if len(words) else {}
    assert found == expected
    counted = words_that_count(words)
    assert len(counted) == len({key[:2] for key in expected})
    for row in counted.itertuples():
        said_here = {
            name for (image, cell, _), name in expected.items() if (image, cell) == (row.image_id, row.cell_id)
        }
        assert row.disputed == (len(said_here) > 1)
        assert row.class_name in said_here


def test_rules_give_their_class_to_every_cell_of_the_images_they_name():
    rules = [ColumnRule("cell_line", "MCF10A", "normal", "", START), ColumnRule("dose", "5", "treated", "", START)]
    conditions = {"i": {"cell_line": "MCF10A"}, "j": {"cell_line": " MCF10A ", "dose": "5"}, "k": {}}
    labels = rule_labels(rules, conditions, {"i": [1, 2], "j": [1], "k": [1]})
    assert sorted(zip(labels["image_id"], labels["cell_id"], labels["class_name"], strict=True)) == [
        ("i", 1, "normal"),
        ("i", 2, "normal"),
        ("j", 1, "normal"),
        ("j", 1, "treated"),
    ]
    assert words_that_count(last_words(labels)).set_index("image_id")["disputed"].to_dict() == {"i": False, "j": True}
