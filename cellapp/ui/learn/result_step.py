"""Third step of Train: how good the head is, what speaks against trusting it, and the button that uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from cellapp.errors import CellappError
from cellapp.jobs import queue, worker_process
from cellapp.jobs.rescore import request_rescore_of_all
from cellapp.store.heads import HeadRecord
from cellapp.store.records import RunRecord
from cellapp.store.runs import create_run
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.layout.frame import CLASSIFY_PAGE
from cellapp.ui.learn.evidence import evidence_of, memory_of
from cellapp.ui.learn.evidence_tabs import evidence_tabs
from cellapp.ui.session.page_state import PageState


def chosen_head(heads: Sequence[HeadRecord]) -> HeadRecord | None:
    """Return the head whose figures are shown: the chosen one, else the newest; None without any."""
    wanted = st.session_state.get("train_head")
    return next((head for head in heads if head.id == wanted), heads[0] if heads else None)


def result_step(page: PageState, head: HeadRecord, heads: Sequence[HeadRecord], run: RunRecord) -> None:
    """Draw the verdict on a head, the button that uses it on a run, and what the verdict rests on.

    Parameters
    ----------
    page : PageState
    head : HeadRecord
    heads : sequence of HeadRecord
        All of the project, to choose another one from.
    run : RunRecord
        Whose images get the classes.
    """
    names = {one.id: f"{one.name}, {one.created:%d %B %H:%M}" for one in heads}
    if len(heads) > 1:
        ids = list(names)
        st.selectbox("Head", ids, index=ids.index(head.id), format_func=names.get, key="train_head", width=340)
    try:
        evidence = evidence_of(head.identity)
    except CellappError as error:
        show_error(error)
        _use(head, run)
        return
    st.markdown(f"### {escape(evidence.verdict.sentence)}")
    looks = memory_of(head.id, head.project_id, head.identity.rpartition("@")[2]).looks
    if said := [*evidence.verdict.doubts, *([looks] if looks else [])]:
        doubts = "\n".join(f"- {escape(doubt)}" for doubt in said)
        st.warning(f"What speaks against trusting it:\n\n{doubts}", icon=":material/warning:")
    _left_out(head)
    _use(head, run)
    if evidence.figures:
        evidence_tabs(page, head, evidence)
    tested = f"tested by cross-validation on unseen {evidence.groups}" if evidence.figures else "not validated"
    st.caption(escape(f"{head.identity}, {tested}."))


def _left_out(head: HeadRecord) -> None:
    left_out = head.metrics.get("left_out") or ()
    if left_out:
        with st.expander(f"Left out: {len(left_out):,}", icon=":material/filter_alt:"):
            for sentence in left_out:
                st.caption(escape(sentence))


def _use(head: HeadRecord, run: RunRecord) -> None:
    if "fine_tuning" in head.metrics:
        st.caption(
            "This head brings an encoder of its own, which the vectors that are kept are not by: to use it, the cells "
            "of every run are cut from the images and read again. That takes about as long as finding vectors did."
        )
    if st.button("Use on this project", type="primary", icon=":material/check:", key="train_use"):
        try:
            st.session_state["train_used"] = (head.id, *_call_runs(head, run))
        except CellappError as error:
            show_error(error)
            return
        st.rerun()
    used, said, refused = st.session_state.get("train_used", ("", "", {}))
    if used != head.id:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(escape(said), width="content")
        st.page_link(CLASSIFY_PAGE, label="Go to Classify", icon=":material/arrow_forward:", width="content")
    if refused:
        with st.expander(f"Runs left as they are: {len(refused):,}", icon=":material/filter_alt:"):
            for name, why in refused.items():
                st.caption(escape(f"{name}: {why}"))


def _call_runs(head: HeadRecord, run: RunRecord) -> tuple[str, Mapping[str, str]]:
    """Have every run that can be called get its classes by a head, or the shown one analysed again where none can.

    Returns
    -------
    said : str
    refused : mapping of the name of a run to why it keeps its classes
    """
    use = request_rescore_of_all(run.project_id, head.identity)
    if use.called:
        names = " and ".join(one.name for one in use.called[:3])
        more = f" and {len(use.called) - 3:,} more" if len(use.called) > 3 else ""
        verb = "gets" if len(use.called) == 1 else "get"
        return f"{names}{more} {verb} classes by this head; those before stay, see Classes by on Classify.", use.refused
    if run.settings.classify.head == head.identity:
        return f"{run.name} has its classes by this head.", {}
    _run_with(head, run)
    return f"The images of {run.name} are analysed again with this head, as a new run.", use.refused


def _run_with(head: HeadRecord, run: RunRecord) -> None:
    classify = run.settings.classify.model_copy(update={"head": head.identity, "encoder": None})
    settings = run.settings.model_copy(update={"classify": classify})
    made = create_run(run.project_id, [image.image_id for image in run.images], settings, f"{run.name}, {head.name}")
    queue.submit("analyse", {"run_id": made.id}, made.project_id)
    worker_process.ensure_worker()
