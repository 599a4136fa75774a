"""What the calls of a run rest on, as sentences with their numbers."""

from __future__ import annotations

import json

import pandas as pd
import streamlit as st

from cellapp.explanation.finding_sentences import p_text, removal_title
from cellapp.explanation.findings import TITLES, Findings, findings
from cellapp.exports.explanation_truth import doubt_of
from cellapp.exports.explanations import summary_path
from cellapp.exports.tables import csv_text
from cellapp.files import safe_stem
from cellapp.ui.components.messages import escape
from cellapp.ui.session.kept import kept_file
from cellapp.ui.session.results import Results

_COLUMNS = {
    "n": ("Cells", "%d"),
    "p_before": ("p before", "%.2f"),
    "p_after": ("p after", "%.2f"),
    "flips": ("Calls changed", "%d"),
    "p": ("McNemar p", None),  # as papers write it, see `_removals`
    "rho": ("Order kept", "%.2f"),
    "accuracy_before": ("Accuracy before", "%.2f"),
    "accuracy_after": ("Accuracy after", "%.2f"),
    "auc_before": ("AUC before", "%.2f"),
    "auc_after": ("AUC after", "%.2f"),
}


def findings_section(measured: pd.DataFrame, target: str, results: Results) -> None:
    """Draw the findings of a run below its figures, folded as they are many sentences, and offer them as a file.

    Parameters
    ----------
    measured : DataFrame
        See `cellapp.explanation.findings.findings`.
    target : str
        Class explained.
    results : Results
        Of the run.
    """
    found, name = _findings(measured, target, results), safe_stem(results.run.name)
    st.markdown("#### Findings")
    for note in found.notes:
        st.caption(escape(note))
    if not any(found.sentences.values()):
        return
    with st.expander("Each in a sentence, with its test", icon=":material/fact_check:"):
        _sentences(found)
    with st.container(horizontal=True):
        for label, ending, mime, content in (
            ("Findings (JSON)", "json", "application/json", lambda: json.dumps(found.as_json(), indent=1)),
            ("Measured cells (CSV)", "csv", "text/csv", lambda: csv_text(measured)),
        ):
            st.download_button(
                label,
                data=content,
                file_name=f"{name}_findings_{safe_stem(target)}.{ending}",
                mime=mime,
                icon=":material/download:",
                key=f"findings_{ending}",
                on_click="ignore",
                type="tertiary",
            )


def _sentences(found: Findings) -> None:
    for question, title in TITLES.items():
        sentences = found.sentences.get(question, ())
        if question == "removals":
            _removals(found)
            sentences = sentences[len(found.tables[question]) :]  # the first ones say what the table shows
        if sentences:
            st.markdown(f"**{title}**\n" + "".join(f"\n- {escape(sentence)}" for sentence in sentences))


def _removals(found: Findings) -> None:
    table = found.tables["removals"]
    if not len(table):
        return
    st.markdown(f"**Called again with something removed**, for {escape(found.target)}")
    shown = [name for name in _COLUMNS if table[name].notna().any()]
    rows = table[shown].assign(removed=[removal_title(name) for name in table["name"]])
    columns = {name: st.column_config.NumberColumn(title, format=form) for name, (title, form) in _COLUMNS.items()}
    order = ["removed", *shown]
    columns["removed"] = st.column_config.TextColumn("Changed", width="medium")
    st.dataframe(
        rows.style.format({"p": lambda p: p_text(p).removeprefix("p = ").removeprefix("p ")} if "p" in rows else {}),
        column_order=order,
        column_config=columns,
        hide_index=True,
        key="findings_removals",
        placeholder="",
        alt="What changes when a part or a channel of the cells is taken away",
    )


def _findings(measured: pd.DataFrame, target: str, results: Results) -> Findings:
    path, doubt = summary_path(results.folder, target), doubt_of(results.provenance)
    key = ("findings", path, results.version_key, target, doubt)
    return kept_file(*key, make=lambda: findings(measured, target, doubt)) or findings(measured, target, doubt)
