import pytest

from cellapp.jobs import queue
from cellapp.store import images, projects
from cellapp.ui.components.messages import RESEARCH_ONLY
from tests.pages.conftest import ROOT
from tests.pages.seeding import HOSTILE_NAME

pytestmark = pytest.mark.slow

PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "pages").rglob("*.py"))
ANALYSE = [page for page in PAGES if "/analyse/" in page]


def texts(app):
    return " ".join(element.value for kind in (app.markdown, app.caption, app.text) for element in kind)


def badges(app):
    return " ".join(element.value for element in app.markdown if "badge" in element.value)


def test_no_script_sits_directly_in_pages():
    assert not list((ROOT / "pages").glob("*.py"))


@pytest.mark.parametrize("page", PAGES)
def test_each_page_opens_on_an_empty_project(page, open_page):
    """Each says which page it is, and none leads to a page where there is nothing to do yet."""
    app = open_page(page)
    assert len(app.title) == 1
    assert "Go to Segment" not in [link.proto.label for link in app.get("page_link")]
    assert RESEARCH_ONLY in texts(app)


@pytest.mark.parametrize("n_cells", [None, 0, 1])
@pytest.mark.parametrize("page", PAGES)
def test_each_page_opens_on_a_finished_run(page, n_cells, open_page, run_of):
    run = run_of(n_cells=n_cells)
    app = open_page(page, run=run.id)
    assert not app.error
    assert texts(app).count(RESEARCH_ONLY) == 1


@pytest.mark.parametrize("page", PAGES)
def test_each_page_opens_on_a_run_without_classes(page, open_page, run_of):
    assert texts(open_page(page, run=run_of(head=None).id)).count(RESEARCH_ONLY) == 1


@pytest.mark.parametrize(
    ("page", "key"),
    [(page, "run") for page in ANALYSE] + [(ANALYSE[-1], key) for key in ("project", "image", "cell")],
)
def test_a_link_to_what_is_not_here_opens_on_what_is(page, key, open_page, seeded, run_of):
    run_of()
    app = open_page(page, **{key: "<b>gone</b>"})
    assert app.query_params["image"] == seeded.image.id
    assert app.query_params["project"] == seeded.project.id


def test_a_link_to_an_image_of_another_project_opens_that_project(open_page, seeded):
    projects.create_project("Another")
    app = open_page(image=seeded.image.id)
    assert app.query_params["project"] == seeded.project.id


def test_the_chosen_image_stays_when_the_page_changes(open_page, seeded, tmp_path):
    from tests.pages.seeding import seed_image

    seed_image(tmp_path, name="second.tif", seed=2)
    app = open_page()
    app.selectbox(key="image_picker").select(seeded.image.id).run()
    app.switch_page("pages/analyse/segment.py").run()
    assert app.query_params["image"] == seeded.image.id
    assert app.selectbox(key="image_picker").value == seeded.image.id


def test_badges_say_how_far_the_image_is(open_page, seeded, run_of):
    assert "Not analysed yet" in badges(open_page())
    run = run_of()
    assert f"{run.n_cells} cells" in badges(open_page())


def test_changing_the_project_forgets_the_image(open_page, seeded):
    other = projects.create_project("Other")
    app = open_page(image=seeded.image.id)
    app.selectbox(key="project_picker").select(other.id).run()
    assert not app.exception
    assert "image" not in app.query_params
    assert app.query_params["project"] == other.id


def test_a_project_can_be_made(open_page, seeded):
    app = open_page()
    app.text_input(key="new_project_name").set_value(HOSTILE_NAME).run()
    app.button(key="new_project").click().run()
    assert not app.exception
    assert len(projects.list_projects()) == 2
    assert app.query_params["project"] != seeded.project.id
    assert not app.text_input(key="new_project_name").value, "the next one starts empty"


def test_running_work_is_one_line_in_the_sidebar_and_can_be_cancelled(open_page, seeded):
    job = queue.submit("analyse", {"run_id": "none"}, seeded.project.id)
    app = open_page()
    app.sidebar.button(key=f"cancel_{job.id}").click().run()
    assert not app.exception
    assert not queue.list_jobs(seeded.project.id)


@pytest.mark.parametrize("page", PAGES)
def test_hostile_names_stay_text(page, open_page, seeded, run_of):
    images.rename_image(seeded.image.id, HOSTILE_NAME)
    run_of()
    app = open_page(page)
    shown = " ".join(element.value for kind in (app.markdown, app.caption) for element in kind)
    assert "<img" not in shown.replace("\\<img", "")


@pytest.mark.parametrize("page", PAGES)
def test_a_rerun_reads_each_list_of_the_store_once_and_locks_nobody_out(
    page, open_page, run_of, statements, write_locks
):
    app = open_page(page, run=run_of().id)
    assert write_locks, "what seeds the store writes: these would be seen"
    app.run()
    statements.clear()
    write_locks.clear()
    app.run()
    assert not app.exception
    assert len(statements) <= (12 if page in ANALYSE else 14), "\n".join(statements)
    assert not write_locks
