"""What libraries hold is not walked by garbage collection, and what is made later still is."""

import gc
import sys
import weakref
from collections.abc import Iterator
from types import ModuleType

import pytest

from cellapp.compute import garbage


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin as a process that spared nothing, and leave as many objects to garbage collection as before."""
    monkeypatch.setattr(garbage, "_spared", 0)
    monkeypatch.setattr(garbage, "_collected_s", float("-inf"))
    frozen = gc.get_freeze_count()
    yield
    if not frozen:
        gc.unfreeze()


def test_what_is_alive_is_spared_once() -> None:
    """The second call has nothing to do, however often it comes."""
    assert garbage.spare_libraries()
    assert gc.get_freeze_count() > 1_000
    assert not garbage.spare_libraries()


def test_libraries_imported_later_are_spared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page imports what only it needs, after the first call."""
    garbage.spare_libraries()
    for number in range(60):
        monkeypatch.setitem(sys.modules, f"imported_{number}", ModuleType(f"imported_{number}"))
    assert garbage.spare_libraries()
    assert not garbage.spare_libraries()


class Knot:
    """Refers to itself: freed by garbage collection alone."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_made_later_is_collected() -> None:
    """Objects of a later visit that refer to themselves are freed."""
    garbage.spare_libraries()
    watched = weakref.ref(Knot())
    gc.collect()
    assert watched() is None


def test_what_nobody_uses_any_more_is_freed_first() -> None:
    """Garbage at the time of the call is not kept for good."""
    watched = weakref.ref(Knot())
    garbage.spare_libraries()
    assert watched() is None


def test_visits_of_one_second_are_collected_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a visit leaves is freed by the first visit that ends after the interval."""
    now_s = 10.0
    monkeypatch.setattr(garbage.time, "monotonic", lambda: now_s)
    assert garbage.collect_visits()
    gc.disable()
    try:
        watched = weakref.ref(Knot())
        assert not garbage.collect_visits()
        assert watched() is not None
        now_s += garbage._EVERY_S
        assert garbage.collect_visits()
    finally:
        gc.enable()
    assert watched() is None
