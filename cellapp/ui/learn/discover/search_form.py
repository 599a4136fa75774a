"""What clusters are looked for in and how, and the button that starts it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from cellapp.discovery.discover import DiscoverSettings
from cellapp.errors import CellappError
from cellapp.jobs import queue
from cellapp.jobs.discover import DISCOVER, LABEL, DiscoverRequest, list_discoveries, request_discovery
from cellapp.store.records import CONDITIONS, ImageRecord, RunRecord, Status
from cellapp.training.vae.recipe import VaeRecipe
from cellapp.ui.components.forms import control
from cellapp.ui.components.forms import label as title
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import show_error, show_problem
from cellapp.ui.session.page_state import PageState

OF = {"vectors": "Vectors of the encoder", "measured": "Size, shape and stain", "vae": "An autoencoder of these cells"}
METHODS = {"gmm": "Gaussian mixture", "kmeans": "k-means", "hdbscan": "HDBSCAN", "leiden": "Leiden"}
LAYOUTS = {"umap": "UMAP", "pca": "PCA", "tsne": "t-SNE"}
_VAE = ("latent", "beta", "epochs")
_NONE = "none"


def search_form(page: PageState, run: RunRecord, images: Sequence[ImageRecord], *, again: bool) -> None:
    """Draw the choices and the button.

    Parameters
    ----------
    page : PageState
    run : RunRecord
    images : sequence of ImageRecord
        Its finished images: their conditions may be told to an autoencoder.
    again : bool
        Whether clusters are shown below, so that this is not what the page is for.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="discover_bar"):
        of = _choice("Clusters in", OF, "discover_of", 215)
        method = _choice("By", METHODS, "discover_method", 160)
        automatic = st.toggle("Choose the number", True, key="discover_auto", help="Else type how many there are.")
        k = None if automatic else int(st.number_input("Clusters", 1, 50, 3, key="discover_k", width=110))
        layout = _choice("Map", LAYOUTS, "discover_layout", 95)
        correct = _column("Take out", images, "discover_correct", "What differs between its values is taken out first.")
        controls = None if correct else _controls(images)
        recipe, condition = VaeRecipe(), None
        if of == "vae":
            recipe, condition = _autoencoder(images)
        busy = bool(page.jobs_of(run, DISCOVER))
        kind = "secondary" if again else "primary"
        if st.button("Find clusters", icon=":material/bubble_chart:", type=kind, key="discover_start", disabled=busy):
            settings = DiscoverSettings(method=method, k=k, layout=layout, correct=correct, controls=controls)
            _start(DiscoverRequest(run_id=run.id, of=of, settings=settings, vae=recipe, condition=condition))


def show_search(page: PageState, run: RunRecord) -> bool:
    """Draw the progress of a search, or why the last one failed; returns whether one is going on."""
    job = next(iter(page.jobs_of(run, DISCOVER)), None)
    if job is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            wait_for(job)
            st.button("Cancel", key="discover_cancel", on_click=queue.request_cancel, args=(job.id,))
        return True
    for last in queue.list_jobs(page.project.id, active=False):
        if last.kind == DISCOVER and last.payload.get("run_id") == run.id:
            if last.status is Status.FAILED:
                show_problem(last.error or "No clusters could be looked for.")
            break
    return False


def choose_result(run: RunRecord) -> DiscoverRequest | None:
    """Let the visitor choose among the searches of a run; None before there is one."""
    requests = {request.key: request for request in list_discoveries(run.id)}
    if not requests:
        return None
    if len(requests) == 1:
        return next(iter(requests.values()))
    key = st.selectbox(
        "Shown", list(requests), format_func=lambda key: describe(requests[key]), key=f"discover_shown_{run.id}"
    )
    return requests[str(key)]


def describe(request: DiscoverRequest) -> str:
    """Return a search in words."""
    number = "number chosen" if request.settings.k is None else f"{request.settings.k} clusters"
    parts = [OF[request.of], METHODS[request.settings.method], number, LAYOUTS[request.settings.layout]]
    if request.of == "vae":
        parts.append(f"latent {request.vae.latent}, beta {request.vae.beta:g}, {request.vae.epochs} epochs")
    parts += [f"told {title(request.condition)}"] if request.condition else []
    parts += [f"{title(request.settings.correct)} taken out"] if request.settings.correct else []
    parts += [f"what {request.settings.controls} varies in taken out"] if request.settings.controls else []
    return ", ".join(parts)


def _choice(said: str, options: dict[str, str], key: str, width: int) -> str:
    return str(st.selectbox(said, list(options), format_func=options.get, key=key, width=width))


def _autoencoder(images: Sequence[ImageRecord]) -> tuple[VaeRecipe, str | None]:
    """Draw the recipe of an autoencoder, and the column that its decoder is told."""
    with st.popover("Autoencoder", icon=":material/tune:"):
        st.markdown(
            "It learns to draw these cells from a few numbers, and clusters are looked for among the numbers. A "
            "condition that the decoder is told need not be in them."
        )
        values = {name: control(VaeRecipe, name, key="discover_vae") for name in _VAE}
        told = _column("Tell the decoder", images, "discover_condition", None, more=(LABEL,))
    return VaeRecipe(**values), told


def _controls(images: Sequence[ImageRecord]) -> str | None:
    """Offer the values of conditions as those of control cells."""
    said = sorted({f"{name}={value}" for image in images for name, value in image.conditions.items()})
    if len(said) < 2:
        return None
    note = "Cells that should be alike: what they vary most in is taken out first."
    chosen = st.selectbox(
        "Controls",
        [_NONE, *said],
        format_func=lambda value: title(_NONE) if value == _NONE else str(value),
        key="discover_controls",
        help=note,
        width=170,
    )
    return None if chosen == _NONE else str(chosen)


def _column(
    said: str, images: Sequence[ImageRecord], key: str, note: str | None, more: tuple[str, ...] = ()
) -> str | None:
    """Offer the conditions that differ between images, and columns of cells."""
    typed = [name for name in CONDITIONS if len({image.conditions.get(name, "") for image in images}) > 1]
    chosen = st.selectbox(
        said, [_NONE, *typed, *more], format_func=lambda name: title(str(name)), key=key, help=note, width=125
    )
    return None if chosen == _NONE else str(chosen)


def _start(request: DiscoverRequest) -> None:
    try:
        request_discovery(request)
    except CellappError as error:
        show_error(error)
        return
    st.rerun()
