"""How many more labels are worth it."""

from cellapp.ui.learn.label.foot import ENOUGH, worth_line


def test_classes_with_few_labels_are_named():
    assert f"{ENOUGH - 3} of a" in worth_line(["a", "b"], {"a": 3, "b": ENOUGH}, {})


def test_a_rising_agreement_asks_for_more_and_a_flat_one_does_not():
    counts = {"a": 50, "b": 50}
    assert "more will help" in worth_line(["a", "b"], counts, {60: 0.7, 80: 0.75, 100: 0.85})
    assert "train now" in worth_line(["a", "b"], counts, {60: 0.7, 80: 0.85, 100: 0.855})
    assert "more tell" in worth_line(["a", "b"], counts, {100: 0.8})


def test_without_two_classes_nothing_is_enough():
    for names in ([], ["a"]):
        assert "Name two classes" in worth_line(names, {"a": 9 * ENOUGH}, {})
