"""What a page shows follows from the address and the store as they are now; only ids are kept between reruns."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.settings import AnalyseSettings
from cellapp.store import images, projects, runs
from cellapp.ui.session import page_state
from cellapp.ui.session.page_state import PageState, chosen_image, chosen_run
from tests.pages.seeding import seed_image

IDS = st.sampled_from("abcde")


class Run(SimpleNamespace):
    def image(self, image_id):
        return next((row for row in self.images if row.image_id == image_id), None)


def image_of(key):
    return SimpleNamespace(id=key)


def run_of(key, image_ids):
    return Run(id=key, images=[SimpleNamespace(image_id=image_id) for image_id in image_ids])


some_images = st.lists(IDS, unique=True).map(lambda keys: [image_of(key) for key in keys])
some_runs = st.dictionaries(st.sampled_from("rst"), st.lists(IDS, unique=True, min_size=1)).map(
    lambda rows: [run_of(key, image_ids) for key, image_ids in rows.items()]
)


@given(some_images, some_runs, st.none() | IDS, st.none() | st.sampled_from("rstu"))
def test_the_image_named_beats_that_of_the_run_and_that_the_newest(here, project_runs, image_id, run_id):
    image = chosen_image(here, project_runs, image_id, run_id)
    ids = [one.id for one in here]
    of_run = next(([row.image_id for row in run.images] for run in project_runs if run.id == run_id), [])
    if not ids:
        assert image is None
    elif image_id in ids:
        assert image.id == image_id
    else:
        assert image.id == next((one for one in of_run if one in ids), ids[0])


@given(some_runs, IDS, st.none() | st.sampled_from("rstu"))
def test_a_run_shown_has_the_image_shown(project_runs, image_id, run_id):
    run = chosen_run(project_runs, image_of(image_id), run_id)
    mine = [one.id for one in project_runs if one.image(image_id)]
    assert (run.id if run else None) == (run_id if run_id in mine else next(iter(mine), None))


@pytest.fixture
def visit(monkeypatch):
    """The session and the address of one visitor."""
    visitor = SimpleNamespace(session_state={}, query_params={}, toasts=[])
    visitor.toast = lambda text, icon: visitor.toasts.append(text)
    monkeypatch.setattr(page_state, "st", visitor)
    return visitor


def test_a_rerun_sees_what_was_written_before_it(visit, tmp_path):
    first = seed_image(tmp_path, side=64).image
    assert page_state.read_page_state().image.name == first.name
    images.rename_image(first.id, "renamed")
    second = seed_image(tmp_path, side=64, seed=2, name="second.tif").image
    run = runs.create_run(first.project_id, [second.id], AnalyseSettings())
    page_state.choose("run", run.id)
    page = page_state.read_page_state()
    assert {image.name for image in page.images} == {"renamed", "second.tif"}
    assert (page.image.id, page.run.id) == (second.id, run.id)


def test_only_ids_are_kept_between_reruns(visit, tmp_path):
    seed_image(tmp_path, side=64)
    page_state.write_address(page_state.read_page_state())
    kept = [*visit.session_state.values(), *visit.query_params.values()]
    assert all(value is None or isinstance(value, str) for value in kept)


def test_a_link_without_a_project_opens_that_of_its_run(visit, tmp_path):
    other = projects.create_project("Other")
    image = seed_image(tmp_path, side=64).image
    run = runs.create_run(image.project_id, [image.id], AnalyseSettings())
    visit.query_params["run"] = run.id
    page = page_state.read_page_state()
    assert (page.project.id, page.run.id) == (image.project_id, run.id)
    visit.query_params["project"] = other.id
    page = page_state.read_page_state()
    assert (page.project.id, page.image, page.run, page.unknown) == (other.id, None, None, {"run": run.id})


def test_ids_that_name_nothing_are_said_once_and_forgotten(visit, tmp_path):
    image = seed_image(tmp_path, side=64).image
    visit.query_params |= {"project": "<b>p", "image": "i", "run": "r"}
    for _ in range(2):
        page_state.write_address(page_state.read_page_state())
    assert [text.split()[4] for text in visit.toasts] == ["project", "image", "run"]
    assert visit.query_params == {"project": image.project_id, "image": image.id}


def test_what_hangs_below_a_choice_goes_when_it_changes_and_stays_when_it_does_not(visit):
    page_state.choose("image", "a")
    page_state.choose_cell(7)
    page_state.choose("image", "a")
    assert page_state.choice("cell") == "7"
    page_state.choose("image", "b")
    assert page_state.choice("cell") is None
    assert "cell" not in visit.query_params


@pytest.mark.parametrize(("cell", "cell_id"), [("12", 12), ("-1", None), ("x", None), ("", None)])
def test_a_cell_is_a_number(visit, cell, cell_id):
    visit.query_params["cell"] = cell
    assert page_state.read_page_state().cell_id == cell_id


def test_jobs_of_a_run_are_those_of_its_kind():
    jobs = [
        SimpleNamespace(kind=kind, payload={"run_id": run_id} if run_id else {})
        for kind in ("project", "relabel")
        for run_id in ("r", "s", None)
    ]
    page = PageState((), SimpleNamespace(id="p"), (), (), tuple(jobs), None, None)
    assert page.jobs_of(SimpleNamespace(id="r"), "relabel") == [jobs[3]]
