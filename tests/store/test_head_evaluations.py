"""A look is a distinct set of weights with the same classes that held out any of the same images."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellapp.errors import StoreError
from cellapp.store.head_evaluations import HeldOutImage, add_evaluation, held_out_images, looks_before
from cellapp.store.projects import create_project

CLASSES = ("cancer", "normal")


def images(*ids, run="r"):
    return {f"well {image}": HeldOutImage(run, image, f"day {image}") for image in ids}


def evaluate(project_id, weights, *ids, classes=CLASSES, grouped_by="acquisition"):
    add_evaluation(project_id, weights, classes, grouped_by, images(*ids))
    return looks_before(project_id, weights)


def test_the_first_look_is_said_nothing_of_and_later_ones_are_counted_in_words(project):
    assert evaluate(project.id, "w1", "a", "b").sentence == ""
    assert evaluate(project.id, "w2", "b", "c").sentence.startswith(
        "These acquisitions have been scored by 1 earlier head: the score is optimistic"
    )
    assert "by 2 earlier heads:" in evaluate(project.id, "w3", "b", grouped_by="batch").sentence
    assert looks_before(project.id, "w1").n == 0, "what came later does not count"


def test_the_same_weights_under_another_name_are_one_look(project):
    evaluate(project.id, "w1", "a")
    assert evaluate(project.id, "w1", "a").n == 0
    assert evaluate(project.id, "w2", "a").n == 1


def test_other_images_other_classes_and_other_projects_are_no_looks(project):
    evaluate(project.id, "w1", "a")
    evaluate(project.id, "w2", "b", classes=("debris", "cell"))
    evaluate(create_project("other").id, "w3", "b")
    assert evaluate(project.id, "w4", "b", classes=CLASSES[::-1]).n == 0
    assert evaluate(project.id, "w5", "b").n == 1


def test_an_image_of_another_run_is_the_same_image(project):
    add_evaluation(project.id, "w1", CLASSES, "image", images("a", run="first"))
    add_evaluation(project.id, "w2", CLASSES, "image", images("a", run="second"))
    assert looks_before(project.id, "w2").n == 1


def test_the_images_of_a_head_are_those_of_its_last_evaluation(project):
    evaluate(project.id, "w1", "a", "b")
    assert held_out_images(project.id, "w1") == images("a", "b")
    evaluate(project.id, "w1", "c")
    assert held_out_images(project.id, "w1") == images("c")
    assert held_out_images(project.id, "w2") == {}


def test_unknown_weights_have_no_looks_and_an_unknown_project_is_told(project):
    assert (looks_before(project.id, "w").n, looks_before("none", "w").n) == (0, 0)
    with pytest.raises(StoreError, match="no project"):
        evaluate("none", "w", "a")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 4), st.sets(st.sampled_from("abcd"), min_size=1)), min_size=1, max_size=7))
def test_looks_are_counted_as_by_hand(project, trainings):
    other, rows = create_project("drawn"), []
    for weights, held in trainings:
        n = evaluate(other.id, f"w{weights}", *sorted(held)).n
        rows += [(weights, held)] * ((weights, held) not in rows)
        last = max(at for at, (one, _) in enumerate(rows) if one == weights)
        assert n == len({one for one, images in rows[:last] if one != weights and images & rows[last][1]})
