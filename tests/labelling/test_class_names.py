import pytest

from cellapp.cells.counts import RESERVED
from cellapp.errors import InputError
from cellapp.labelling.class_names import check_classes, clean_class


@pytest.mark.parametrize("name", ["stage 1, early", "клетка", "正常", "=1+1", '"quoted"; yes', "naïve", "a" * 150])
def test_any_words_in_any_script_are_a_name(name):
    assert clean_class(name) == name
    assert clean_class(f" {name}\n") == name


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\t\n"])
def test_nothing_is_no_name(name):
    with pytest.raises(InputError, match="at least one letter"):
        clean_class(name)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_what_other_cells_are_counted_under_is_no_name(name):
    for check in (clean_class, lambda name: check_classes([name])):
        with pytest.raises(InputError, match="is no class"):
            check(name)


@pytest.mark.parametrize("pair", [("Cancer", "cancer"), ("a b", "a  b"), ("\uff41", "a"), ("stra\u00dfe", "STRASSE")])
def test_two_spellings_of_a_name_are_refused(pair):
    with pytest.raises(InputError, match="spelling alone"):
        check_classes(pair)


def test_the_same_name_many_times_is_one_class():
    check_classes(["a", "b", "a"])
