import time
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from cellapp.viewer.cache import ByteCache, kept


@given(asked=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), max_size=60))
def test_it_never_holds_more_than_it_may_and_always_answers(asked):
    cache = ByteCache(100)
    for key, size in asked:
        assert len(cache.get((key, size), lambda size=size: bytes(size))) == size
        assert cache.n_bytes <= 100


def test_what_is_kept_is_not_made_again_and_the_oldest_goes_first():
    made = []

    def make(key):
        made.append(key)
        return bytes(40)

    cache = ByteCache(100)
    for key in ("a", "b", "a", "c", "a", "b"):
        cache.get(key, lambda key=key: make(key))
    assert made == ["a", "b", "c", "b"]
    cache.clear()
    assert cache.n_bytes == 0


def test_a_value_larger_than_all_room_is_given_but_not_kept():
    cache = ByteCache(10)
    assert cache.get("a", lambda: bytes(11)) == bytes(11)
    assert cache.n_bytes == 0


def test_threads_that_ask_at_once_share_what_one_makes():
    made = []

    @kept(2)
    def make(key):
        made.append(key)
        time.sleep(0.05)
        return object()

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(make, ["a"] * 6))
    assert made == ["a"]
    assert len(set(map(id, answers))) == 1
