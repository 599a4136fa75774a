"""An installation is set up by environment variables, read once."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from cellapp.cli import main
from cellapp.config import REPOSITORY, AppSettings, BudgetSettings, app_settings


@pytest.fixture(autouse=True)
def _no_file_of_the_developer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_repository_is_where_the_entrypoint_is():
    assert (REPOSITORY / "app.py").is_file()


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("CELLAPP_OFFLINE", "true", "offline", True),
        ("CELLAPP_DEVICE", "cuda", "device", "cuda"),
        ("CELLAPP_IMPORT_FOLDER", "/data", "import_folder", Path("/data")),
        ("CELLAPP_BUDGET__MAX_CHANNELS", "3", "budget", BudgetSettings(max_channels=3)),
    ],
)
def test_every_field_is_a_variable(monkeypatch, variable, text, field, value):
    monkeypatch.setenv(variable, text)
    assert getattr(AppSettings(), field) == value


def test_a_file_beside_the_program_counts_less_than_the_environment(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("CELLAPP_ENGINE=processes\nCELLAPP_OFFLINE=1\nOTHER=2\n")
    monkeypatch.setenv("CELLAPP_ENGINE", "processes:2")
    assert (AppSettings().engine, AppSettings().offline) == ("processes:2", True)


def test_a_value_that_cannot_be_is_refused(monkeypatch):
    monkeypatch.setenv("CELLAPP_DEVICE", "tpu")
    with pytest.raises(ValidationError, match="device"):
        AppSettings()


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("CELLAPP_DEVICE", "tpu", "CELLAPP_DEVICE: Input should be 'auto', 'cpu', 'cuda' or 'mps'; got 'tpu'"),
        ("CELLAPP_BUDGET__MAX_PIXELS", "many", "CELLAPP_BUDGET__MAX_PIXELS: Input should be a valid integer"),
        ("CELLAPP_JOB__SECONDS", "0", "CELLAPP_JOB__SECONDS: Input should be greater than 0; got '0'"),
        ("CELLAPP_BUDGET", "many", "a variable CELLAPP_* cannot be read"),
    ],
)
def test_a_command_says_in_one_line_which_variable_cannot_be(monkeypatch, capsys, variable, text, said):
    monkeypatch.setenv(variable, text)
    app_settings.cache_clear()
    assert main(["doctor"]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1


def test_the_database_is_in_the_home_folder_unless_named(home, monkeypatch):
    assert AppSettings().database == f"sqlite:///{home / 'cellapp.db'}"
    monkeypatch.setenv("CELLAPP_DATABASE_URL", "postgresql+psycopg://host/name")
    assert AppSettings().database == "postgresql+psycopg://host/name"


def test_the_environment_is_read_once(monkeypatch):
    first = app_settings()
    monkeypatch.setenv("CELLAPP_OFFLINE", str(not first.offline))
    assert app_settings() is first
    app_settings.cache_clear()
    assert app_settings().offline is not first.offline
