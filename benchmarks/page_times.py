"""One side of `benchmarks.pages`: rerun pages of a run by whichever version of the program is on the path.

python -P benchmarks/page_times.py HOME CELLS ROUNDS

The run is stored by that version too: an older one opens no store of a newer one.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

PAGES = {
    "upload": "pages/analyse/upload.py",
    "segment": "pages/analyse/segment.py",
    "classify": "pages/analyse/classify.py",
    "explain": "pages/analyse/explain.py",
    "label": "pages/learn/label.py",
    "train": "pages/learn/train.py",
    "discover": "pages/learn/discover.py",
    "runs": "pages/manage/runs.py",
    "models": "pages/manage/models.py",
}
THRESHOLDS = (0.41, 0.43, 0.47, 0.53, 0.57, 0.59, 0.61, 0.67, 0.71, 0.73)
SMALL_CELLS_FROM = 200_000
"""So many cells are drawn in pixels four times as wide, or their slide would take longer to write than all else."""

Times = dict[str, list[tuple[float, float]]]  # page -> milliseconds elapsed and of the processor


def main(home: str, n_cells: int, n_rounds: int) -> dict[str, Times]:
    """Visit every page, then rerun and reach each in turn, `n_rounds` times; last try other thresholds on Classify."""
    os.environ["CELLAPP_HOME"] = home
    run_id, _ = seeded(Path(home), n_cells)
    from cellapp.jobs import worker_process

    worker_process.announce()  # no worker of its own takes the cores from the pages
    visit = open_app(run_id)
    for path in PAGES.values():
        answer(visit, lambda path=path: visit.switch_page(path))
    switches: Times = {name: [] for name in PAGES}
    reruns: Times = {name: [] for name in PAGES}
    for name, path in list(PAGES.items()) * n_rounds:
        switches[name].append(answer(visit, lambda path=path: visit.switch_page(path)))
        reruns[name].append(answer(visit, lambda: None))
    answer(visit, lambda: visit.switch_page(PAGES["classify"]))
    (slider,) = (one for one in visit.slider if str(one.key).startswith("classify_threshold"))
    tried = [answer(visit, lambda p=p: visit.slider(key=slider.key).set_value(p)) for p in THRESHOLDS[:n_rounds]]
    return {"switch": switches, "rerun": reruns, "threshold": {"classify": tried}}


def seeded(home: Path, n_cells: int) -> tuple[str, int]:
    """Store a finished run of one slide unless it is there; returns its id and its number of cells."""
    known = home.with_suffix(".seeded.json")
    if not known.exists():
        spec = importlib.util.spec_from_file_location("wide_slide", Path(__file__).with_name("wide_slide.py"))
        wide_slide = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(wide_slide)
        um_per_px = wide_slide.UM_PER_PX * (4 if n_cells >= SMALL_CELLS_FROM else 1)
        shape = wide_slide.shape_for(n_cells, um_per_px)
        image = wide_slide.seed_image(home / "seed", shape, 3, um_per_px)
        run = wide_slide.seed_run(image, head="demo-head")
        known.write_text(json.dumps([run.id, run.n_cells]))
    run_id, n_made = json.loads(known.read_text())
    return run_id, n_made


def open_app(run_id: str) -> object:
    """Open the app in this process at a run."""
    from streamlit.testing.v1 import AppTest

    visit = AppTest.from_file(str(Path.cwd() / "app.py"), default_timeout=300)
    visit.query_params["run"] = run_id
    answer(visit, lambda: None)
    return visit


def answer(visit: object, act: Callable[[], object]) -> tuple[float, float]:
    """Act, run the page to its end, and return the milliseconds that took: elapsed and of the processor."""
    act()
    start, cpu = time.perf_counter(), time.process_time()
    visit.run()
    spent = 1e3 * (time.perf_counter() - start), 1e3 * (time.process_time() - cpu)
    if visit.exception:
        raise RuntimeError(f"a page failed: {visit.exception[0].message}")
    return spent


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
