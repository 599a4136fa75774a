from cellapp.pipeline.context import run_serially


def test_parts_are_done_in_turn_and_only_when_asked_for():
    done = []
    results = run_serially("bench")(lambda context, part: done.append((context, part)) or part, [1, 2])
    assert done == []
    assert list(results) == [1, 2]
    assert done == [("bench", 1), ("bench", 2)]
