"""Each error has its exit status and its HTTP status, and its message is shown as it is."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from cellapp import cli, errors
from cellapp.api import app as api_app
from cellapp.errors import CellappError

EXPECTED = {
    "CellappError": (1, 500),
    "InputError": (2, 422),
    "BudgetError": (2, 413),
    "ModelError": (1, 409),
    "UnknownModelError": (2, 422),
    "StoreError": (1, 404),
    "AccessError": (1, 403),
    "EngineError": (1, 500),
    "Cancelled": (1, 500),
}
ERRORS = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, CellappError)]


def test_every_error_is_expected_here():
    assert {error.__name__ for error in ERRORS} == EXPECTED.keys()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_the_command_line_prints_the_message_and_ends_with_its_status(error, monkeypatch, capsys):
    def fail(**_):
        raise error("the rule; what broke it; the way out")

    monkeypatch.setattr(cli, "app", fail)
    assert cli.main(["demo"]) == EXPECTED[error.__name__][0]
    assert capsys.readouterr().err == "cellapp: the rule; what broke it; the way out\n"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_the_api_answers_with_the_message_and_its_status(error):
    app = FastAPI(exception_handlers=api_app.api.exception_handlers)

    @app.get("/")
    def fail():
        raise error("the rule; what broke it; the way out")

    answer = TestClient(app).get("/")
    assert answer.status_code == EXPECTED[error.__name__][1]
    assert answer.json() == {"error": "the rule; what broke it; the way out"}


def test_a_defect_stays_loud(monkeypatch):
    def fail(**_):
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["demo"])
