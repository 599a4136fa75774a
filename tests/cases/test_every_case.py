"""Every reported case has a test in this folder."""

from pathlib import Path

from tests.paths import shared_case


def test_no_case_is_without_a_test():
    cases = sorted(path.name for path in shared_case(".").iterdir() if path.is_dir())
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [case for case in cases if f'"{case}' not in tests] == []
