"""No request ends as an error of the server: what is wrong with it is answered, whatever it asks for."""

import json
import random
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.jobs import worker_process
from tests.pages.seeding import seed_image, seed_run

pytestmark = pytest.mark.slow

SPEC = api.openapi()
ROUTES = [(method, path) for path, methods in SPEC["paths"].items() for method in methods]
N_REQUESTS = 6  # to each route, the same ones every time
TEXTS = [
    "",
    "0",
    "-1",
    "1e309",
    "nan",
    "9" * 40,
    "\0",
    "..",
    "a" * 3000,
    "é\u202e",
    "%",
    "2147483648",
    "1.5",
    "compact",
]
NUMBERS = [0, 1, -1, 2**31, 2**63, 10**30]
VALUES = [None, True, *NUMBERS, 1e308, "", "\ud800", "..", "\0", [], {}, [[]], [None], [[0, 0], [1, 1]]]
FILES = [
    b"",
    b"\0" * 50,
    b"PK\3\4" + b"\0" * 60,
    b"[" * 100_000,
    b'image,cell_id,class\n"',
    b"\x93NUMPY\1\0",
    b"Iout\0\xe0",
]
NAMES = ["a.csv", "a.tif", "a.json", "a.zip", "a_seg.npy", "a.roi", "é.png", ".."]


@pytest.fixture
def known(tmp_path, monkeypatch):
    """Ids that are there, by the names that routes have for them."""
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: None)
    seeded = seed_image(tmp_path)
    run = seed_run([seeded])
    names = {"run_id": run.id, "image_id": seeded.image.id, "project_id": seeded.project.id, "cell_id": "1"}
    return names | {
        "stem": run.images[0].stem,
        "path": "summary.csv",
        "level": "0",
        "x": "0",
        "y": "0",
        "ending": "png",
    }


def drawn(draw, schema, ids, depth=0):
    """A value of a schema, or now and then another one."""
    while "$ref" in schema:
        schema = SPEC["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    ways = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if depth > 5 or draw.random() < 0.12:
        return draw.choice(VALUES)
    if ways:
        return drawn(draw, draw.choice(ways), ids, depth + 1)
    if "enum" in schema or "const" in schema:
        return draw.choice(schema.get("enum") or [schema["const"]])
    if schema.get("type") == "array":
        return [drawn(draw, schema.get("items", {}), ids, depth + 1) for _ in range(draw.choice([0, 1, 1, 2, 3]))]
    if schema.get("type") == "object":
        wanted = schema.get("required", [])
        fields = {
            name: of for name, of in schema.get("properties", {}).items() if name in wanted or draw.random() < 0.5
        }
        return {name: drawn(draw, of, ids, depth + 1) for name, of in fields.items()}
    return draw.choice(
        {"string": [*ids.values(), *TEXTS], "integer": NUMBERS, "number": NUMBERS}.get(schema.get("type"), VALUES)
    )


def request_of(draw, method, path, ids):
    """One request to a route: ids mostly there, the rest as its description has it or not."""
    described = SPEC["paths"][path][method]
    query = {}
    for one in described.get("parameters", []):
        if one["in"] == "path":
            text = ids.get(one["name"], "x") if draw.random() < 0.8 else draw.choice(TEXTS[1:])
            path = path.replace(f"{{{one['name']}}}", quote(text, safe=""))
        elif one.get("required") or draw.random() < 0.6:
            query[one["name"]] = draw.choice([*TEXTS, "1", "png", "cancer"])
    kinds = described.get("requestBody", {}).get("content", {})
    if "application/json" in kinds:
        content = json.dumps(drawn(draw, kinds["application/json"]["schema"], ids))
        return path, {"params": query, "content": content, "headers": {"content-type": "application/json"}}
    if not kinds:
        return path, {"params": query}
    fields = SPEC["components"]["schemas"][kinds["multipart/form-data"]["schema"]["$ref"].rpartition("/")[2]]
    files = [(field, (draw.choice(NAMES), draw.choice(FILES))) for field in fields["properties"]]
    return path, {"params": query, "files": files}


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=str)
def test_nothing_that_is_asked_for_is_an_error_of_the_server(known, method, path):
    draw, client = random.Random(f"{method} {path}"), TestClient(api)  # which raises what the server does not answer
    for _ in range(N_REQUESTS):
        address, how = request_of(draw, method, path, known)
        assert client.request(method.upper(), address, **how).status_code < 500


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/runs/{run_id}/labels", {"labels": [{"image_id": "a", "cell_id": 10**30, "class": "cancer"}]}),
        ("/runs/{run_id}/labels/clear", {"cells": [{"image_id": "a", "cell_id": -1}]}),
        ("/images/join-tiles", {"image_ids": [], "n_columns": 1}),
        ("/runs", {"image_ids": ["\ud800"], "settings": {}}),
    ],
)
def test_what_was_an_error_of_the_server_once_is_refused(known, path, body):
    answer = TestClient(api).post(
        path.format(**known), content=json.dumps(body), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["error"]
