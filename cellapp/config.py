"""Folders, limits and hardware of an installation, from ``CELLAPP_*`` variables or a ``.env`` file.

None of them is part of a result.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from cellapp.errors import InputError
from cellapp.settings import FrozenModel

REPOSITORY = Path(__file__).resolve().parent.parent


class BudgetSettings(FrozenModel):
    """Limits of one upload, checked on headers before anything is decoded."""

    max_pixels: int = 4_000_000_000
    """Pixels of one channel at full resolution."""
    max_bytes: int = 16 * 2**30
    """Decoded bytes of the full level, all channels."""
    max_file_bytes: int = 8 * 2**30
    max_channels: int = 16
    max_images: int = 10_000
    """Scenes and time points that one file may list."""
    max_pages: int = 100_000
    """Pages of a TIFF."""
    max_planes: int = 20_000
    """Planes of depth of one image."""
    max_block_bytes: int | None = None
    """Decoded bytes of what has to be decoded at once: a PNG, JPEG or BMP whole, a strip, tile or chunk of others; None
    is an eighth of the memory that is free."""
    max_zip_members: int = 2_000
    max_zip_ratio: float = 200.0
    """Decompressed over compressed bytes."""


class JobSettings(FrozenModel):
    """Limits of one job of the worker; one that takes more is ended, and the others go on."""

    memory_bytes: int | None = Field(None, gt=0)
    """Of its processes together, files that are mapped left out; None is three quarters of the machine's memory."""
    seconds: float = Field(24 * 3600.0, gt=0)
    step_seconds: float = Field(3600.0, gt=0)
    """Without any progress."""


class WorkerSettings(FrozenModel):
    """How long the worker that the app starts waits for work, which keeps its libraries imported."""

    idle_seconds: float = Field(12 * 3600.0, ge=0)
    """Without work; it leaves earlier with the server, when the program's files change and when memory is short."""
    start_early: bool = True
    """When somebody opens the app, and not only when there is work."""


class AppSettings(BaseSettings):
    """Settings of an installation; every field is an environment variable, prefixed ``CELLAPP_``."""

    model_config = SettingsConfigDict(env_prefix="CELLAPP_", env_nested_delimiter="__", env_file=".env", extra="ignore")

    home: Path = Field(default_factory=lambda: user_data_path("cellapp"))
    """Images, runs, downloaded weights and the default database."""
    database_url: str | None = None
    """SQLAlchemy URL; None is SQLite in `home`. ``postgresql+psycopg://user:secret@host/name`` works the same."""
    offline: bool = False
    """Never ask the network for weights."""
    hub_url: str = "https://huggingface.co"
    """Model hub or a mirror of it."""
    cellpose_url: str = "https://www.cellpose.org/models"
    """Where files of Cellpose 1 to 3 are, which no hub has, or a mirror of it."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    engine: str = "serial"
    """Who does the worker's work: serial, processes, processes:N, or a Dask scheduler, ``tcp://HOST:PORT``."""
    import_folder: Path | None = None
    """Folder on the server from which the Upload page may read; None switches that off."""
    hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Names by which visitors reach this server beside its addresses and the machine's own name; commas between."""
    budget: BudgetSettings = BudgetSettings()
    job: JobSettings = JobSettings()
    worker: WorkerSettings = WorkerSettings()

    @field_validator("hosts", mode="before")
    @classmethod
    def _split_names(cls, given: object) -> object:
        return tuple(filter(None, (name.strip() for name in given.split(",")))) if isinstance(given, str) else given

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.home / 'cellapp.db'}"


@cache
def app_settings() -> AppSettings:
    """Read the environment once per process; tests call ``app_settings.cache_clear()`` after changing it.

    Raises
    ------
    InputError
        Names the first variable that does not fit, its value and the rule.
    """
    try:
        return AppSettings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = "__".join(map(str, first["loc"])).upper()
        rule = first["msg"].removeprefix("Value error, ")
        raise InputError(f"CELLAPP_{variable}: {rule}; got {first['input']!r}") from error
    except SettingsError as error:
        raise InputError(f"a variable CELLAPP_* cannot be read: {error}") from error
