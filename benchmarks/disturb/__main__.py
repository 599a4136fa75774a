"""Command line: which disturbances, how many; prints one JSON object for each."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.compare import report
from benchmarks.disturb import database, disk, kills, lock, people, visitors

CLAIMS = {
    "worker": "After kill -9 of a worker at any moment the next one ends the run as if it had been left alone",
    "server": "After kill -9 of a server at any moment the next one has or takes what is missing",
    "disk": "A full disk is told in a sentence, and the rest of the run goes on when there is room",
    "locked": "A run whose database is locked waits and goes on",
    "replaced": "An emptied, older or other database loses nothing",
    "people": "Store and files hold the last word of each of two people while a worker is killed",
    "lock": "Writing the cells of a large image closes the database to nobody for long",
    "visitors": "Many visitors and a run get along: no errors, no long wait, and memory does not grow",
}


def main() -> None:
    """Disturb in homes of their own, which are deleted afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", nargs="*", choices=[*CLAIMS, []], help="All when left out; they take an hour.")
    parser.add_argument("--kills", type=int, default=20, help="Of the worker, and of the server.")
    parser.add_argument("--seed", type=int, default=1, help="Of the moments.")
    parser.add_argument("--locked-s", type=float, default=70.0)
    parser.add_argument("--cells", type=int, default=200_000)
    parser.add_argument("--minutes", type=float, default=5.0, help="Of visits.")
    parser.add_argument("--browsers", type=int, default=2, help="Of the 20 visitors.")
    chosen = parser.parse_args()
    for name in chosen.which or CLAIMS:
        with tempfile.TemporaryDirectory(prefix="disturb-", ignore_cleanup_errors=True) as folder:
            report(CLAIMS[name], TARGETS[name], **_works(chosen)[name](Path(folder)))
        sys.stdout.flush()


TARGETS = {
    "worker": "all the same",
    "server": "all the same",
    "disk": "5 of 5 the same once there is room, no path of the server told",
    "locked": "no attempt more, nothing differs",
    "replaced": "as many originals and files after as before; the right database opens again",
    "people": "nothing lost, nothing differs",
    "lock": "no wait to write over 1 s, and none to read",
    "visitors": "errors 0, 95 % of reruns within 1 s, memory flat",
}


def _works(chosen: argparse.Namespace) -> dict[str, Callable[[Path], dict[str, object]]]:
    return {
        "worker": lambda base: kills.kill_workers(base, chosen.kills, chosen.seed),
        "server": lambda base: kills.kill_servers(base, chosen.kills, chosen.seed),
        "disk": disk.full_disk,
        "locked": lambda base: database.locked(base, chosen.locked_s, chosen.seed),
        "replaced": database.replaced,
        "people": lambda base: people.two_people(base, seed=chosen.seed),
        "lock": lambda base: lock.big_table(base, chosen.cells),
        "visitors": lambda base: visitors.crowd(base, chosen.minutes, n_browsers=chosen.browsers),
    }


if __name__ == "__main__":
    main()
