"""Take a screenshot of every page, full and empty, light and dark, wide and narrow.

python docs/screenshots.py --out shots            all of them, to look at
python docs/screenshots.py --readme               the upper part of the ones README.md shows, into docs/
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = (
    "upload",
    "segment",
    "classify",
    "explain",
    "screen",
    "label",
    "train",
    "outlines",
    "discover",
    "time_series",
    "runs",
    "models",
)
OF_README = ("upload", "segment", "classify", "explain", "label", "train", "discover", "runs", "models")
MODES = ("correct", "regions")
"""Of the Segment page: the tools that correct cells, and those that draw regions."""
README_PX = 1_200
"""More of a page is not legible in README.md, and the bytes of pictures stay in the repository."""
WIDTHS_PX = {"wide": 1440, "narrow": 800}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def main() -> None:
    """Start two servers, one with results and one without, and visit every page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("shots"))
    parser.add_argument("--readme", action="store_true")
    parser.add_argument("--pages", nargs="*", default=PAGES)
    chosen = parser.parse_args()
    if chosen.pages is PAGES:
        chosen.pages = OF_README if chosen.readme else (*PAGES, *MODES)
    out = ROOT / "docs" if chosen.readme else chosen.out
    out.mkdir(parents=True, exist_ok=True)
    for state in ("full",) if chosen.readme else ("full", "empty"):
        with tempfile.TemporaryDirectory() as home:
            query = seed(Path(home)) if state == "full" else ""
            with serving(Path(home)) as address:
                picture(address, query, out, state, chosen)


def seed(home: Path) -> str:
    """Fill a store with the demo slide, a second one and a finished run; return the query that shows them."""
    os.environ["CELLAPP_HOME"] = str(home)
    sys.path.insert(0, str(ROOT))
    from cellapp.jobs.discover import DiscoverRequest, discover_run
    from cellapp.jobs.handlers import HANDLERS
    from cellapp.settings import AnalyseSettings
    from cellapp.store import images, projects, runs, uploads
    from cellapp.synthetic.settings import SyntheticSettings
    from cellapp.synthetic.write import write_demo

    project = projects.default_project()
    records = []
    for n, (name, share) in enumerate((("untreated.ome.tif", 0.3), ("treated.ome.tif", 0.7))):
        slide = write_demo(home / "demo", SyntheticSettings(seed=n, cancer_fraction=share)).slide
        record = uploads.add_image(project.id, slide, name)
        images.set_conditions(record.id, {"cell_line": "synthetic", "treatment": name.split(".")[0], "batch": "1"})
        records.append(record)
    settings = AnalyseSettings.model_validate({"explain": {"n": 8}})
    run = runs.create_run(project.id, [record.id for record in records], settings)
    HANDLERS["analyse"]({"run_id": run.id}, lambda step, fraction: None)
    HANDLERS["regions"]({"run_id": run.id, "target": "cancer"}, lambda step, fraction: None)
    discover_run(DiscoverRequest(run_id=run.id, of="measured"))
    return f"?project={project.id}&image={records[0].id}&run={run.id}"


@contextlib.contextmanager
def serving(home: Path) -> Iterator[str]:
    """Run the app on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "cellapp", "serve", "--headless", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "CELLAPP_HOME": str(home)}, start_new_session=True)
    try:
        for _ in range(240):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=1)
                break
            time.sleep(0.25)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def picture(address: str, query: str, out: Path, state: str, chosen: argparse.Namespace) -> None:
    """Visit the pages and save what is seen."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for scheme in ("light",) if chosen.readme else ("light", "dark"):
            for width, px in {"wide": 1440}.items() if chosen.readme else WIDTHS_PX.items():
                context = browser.new_context(viewport={"width": px, "height": 900}, color_scheme=scheme)
                for name in chosen.pages:
                    page = context.new_page()
                    page.goto(f"{address}/{path_of(name, query)}")
                    settle(page)
                    grow(page, px, README_PX if chosen.readme else 4_000)
                    file = f"{name}.png" if chosen.readme else f"{name}-{state}-{scheme}-{width}.png"
                    page.screenshot(path=out / file)
                    pack(out / file)
                    page.close()
        browser.close()


def pack(path: Path) -> None:
    """Write a picture in fewer bytes, each pixel as it is: colours of channels and maps are what it shows."""
    from PIL import Image

    with Image.open(path) as picture:
        whole = picture.convert("RGB")
    whole.save(path, optimize=True)


def path_of(name: str, query: str) -> str:
    """Return the address of a page below the app's; those of `MODES` are Segment with other tools."""
    if name in MODES:
        return f"segment{query}{'&' if query else '?'}mode={name}"
    return f"{'' if name == 'upload' else name}{query}"


def settle(page: object) -> None:
    """Wait until nothing on the page runs or loads any more."""
    page.get_by_test_id("stMain").locator("p").first.wait_for(timeout=300_000)
    page.wait_for_timeout(1_500)
    for unfinished in ("stStatusWidget", "stSkeleton"):
        page.wait_for_function(f"!document.querySelector('[data-testid={unfinished}]')", timeout=300_000)
    page.wait_for_timeout(1_500)


def grow(page: object, width_px: int, most_px: int) -> None:
    """Make the window as tall as the page, which scrolls inside, up to a limit."""
    block = "document.querySelector('[data-testid=stMainBlockContainer]')"
    height_px = page.evaluate(f"{block}.getBoundingClientRect().height")
    page.set_viewport_size({"width": width_px, "height": min(max(int(height_px), 560), most_px)})
    page.wait_for_timeout(1_500)


if __name__ == "__main__":
    main()
