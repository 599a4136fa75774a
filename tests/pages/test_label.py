"""Label, from a run without labels to cells in order; and what the page says where something is missing."""

import json

from cellapp.jobs import queue
from cellapp.store import images
from cellapp.store.given_labels import give_labels
from cellapp.store.label_rules import add_rule
from cellapp.store.project_classes import project_classes, set_classes
from tests.jobs.trainable import trainable_run

PAGE = "pages/learn/label.py"


def words(app):
    kinds = ("markdown", "caption", "warning", "error", "info")
    return " ".join(str(one.value) for kind in kinds for one in getattr(app, kind)).replace("\\", "")


def desk(app):
    """What the browser is given to draw."""
    [found] = [one for one in app.get("bidi_component") if "label_desk" in one.proto.component_name]
    return json.loads(found.proto.mixed.json if found.proto.HasField("mixed") else found.proto.json)


def test_without_image_and_without_run_it_leads_on(open_page, home):
    app = open_page(PAGE)
    assert "No image yet" in words(app)
    assert app.title[0].value == "Label"


def test_without_a_run_it_leads_to_segment(open_page, seeded):
    assert "has not been analysed" in words(open_page(PAGE))


def test_without_cells_it_says_what_to_try(open_page, run_of):
    run_of(n_cells=0, head=None)
    assert "No cells were found" in words(open_page(PAGE))


def test_classes_are_named_first_and_vectors_are_asked_for(open_page, run_of, no_worker):
    run = run_of(head=None)
    app = open_page(PAGE)
    assert "What are the classes?" in words(app)
    assert primary(app) == ["label_start"]
    app.text_input(key="label_first_1").set_value('肿瘤, "T"')
    app.text_input(key="label_first_2").set_value("normal")
    app.button(key="label_start").click().run()
    assert not app.exception
    assert project_classes(run.project_id).names == ('肿瘤, "T"', "normal")
    assert "What are the classes?" not in words(app)
    assert list(app.selectbox(key="label_order").options) == ["By image", "At random"]
    app.button(key="label_vectors").click().run()
    assert [job.kind for job in queue.list_jobs(run.project_id)] == ["vectors"]
    assert "Make vectors" not in [button.label for button in app.button]
    assert no_worker


def test_failed_vectors_say_why(open_page, run_of):
    run = run_of(head=None)
    job = queue.submit("vectors", {"run_id": run.id}, run.project_id)
    queue.claim("w")
    queue.fail(job.id, "the encoder is not here", worker_id="w")
    assert "The encoder is not here" in words(open_page(PAGE))


def test_in_work_it_shows_counts_and_the_next_cells(open_page, tmp_path):
    run = trainable_run(tmp_path)
    set_classes(run.project_id, ["a", "b"])
    app = open_page(PAGE)
    before = desk(app)
    assert {tile["label"] for tile in before["tiles"]} == {""}
    keys = [tile["key"] for tile in before["tiles"]]
    given = [((key.split("/")[0], int(key.split("/")[1])), "ab"[k % 2]) for k, key in enumerate(keys[:10])]
    give_labels(run.id, given, who="Ada")
    app.run()
    after = desk(app)
    assert after["counts"] == {"a": 5, "b": 5}
    assert sum(after["image_counts"].values()) == 10
    assert not {tile["key"] for tile in after["tiles"]} & set(keys[:10])
    assert after["version"] != before["version"]
    app.selectbox(key="label_show").select("a").run()
    assert {tile["label"] for tile in desk(app)["tiles"]} == {"a"}
    assert "More to label before a score means something: 25 of a and 25 of b" in words(app)
    assert primary(app) == ["label_train"]


def primary(app):
    return [button.key for button in app.button if button.proto.type == "primary"]


def test_pictures_have_a_bar_of_the_scale_of_their_image(open_page, tmp_path):
    run = trainable_run(tmp_path, 2)
    for row, um_per_px in zip(run.images, (0.1, 100.0), strict=True):
        images.set_um_per_px(row.image_id, um_per_px)
    lengths = {}
    for tile in desk(open_page(PAGE))["tiles"]:
        number, unit = tile["bar"][1].split()
        assert unit == "µm"
        lengths.setdefault(tile["image"], []).append(float(number))
    fine, coarse = (lengths[row.image_id] for row in run.images)
    assert max(fine) < min(coarse)


def test_classify_leads_here_with_its_run(open_page, run_of):
    run = run_of()
    app = open_page("pages/analyse/classify.py", run=run.id)
    app.button(key="go_label").click().run()
    assert not app.exception
    assert app.query_params["run"] in (run.id, [run.id])
    assert desk(app)["run"] == run.id
    assert [one["name"] for one in desk(app)["classes"]] == []
    assert "What are the classes?" in words(app)


def test_the_cells_of_a_rule_and_an_import_come_with_their_source(open_page, tmp_path):
    run = trainable_run(tmp_path, 2)
    app = open_page(PAGE)
    app.text_input(key="label_first_1").set_value("a")
    app.text_input(key="label_first_2").set_value("b")
    app.button(key="label_start").click().run()
    add_rule(run.project_id, "cell_line", "MCF7", "b")
    app.selectbox(key="label_show").select("With a label").run()
    assert not app.exception
    tiles = desk(app)["tiles"]
    assert {(tile["label"], tile["source"]) for tile in tiles} == {("b", "column")}
    assert desk(app)["counts"]["b"] == len(tiles)


def test_a_warm_rerun_asks_the_database_little(open_page, tmp_path, statements):
    run = trainable_run(tmp_path)
    set_classes(run.project_id, ["a", "b"])
    app = open_page(PAGE)
    app.run()
    statements.clear()
    app.run()
    assert len(statements) <= 12, "\n".join(statements)
