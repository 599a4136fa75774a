"""Labels that come otherwise than by hand: rules from a column of the image table, and tables in and out."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from cellapp.errors import CellappError
from cellapp.files import clean_name
from cellapp.jobs.label_requests import import_label_file
from cellapp.labelling.label_table import ImportReport, write_label_table
from cellapp.store.label_exchange import Exchange, export_labels
from cellapp.store.label_rules import add_rule, list_rules, retract_rules
from cellapp.store.records import CONDITIONS
from cellapp.ui.components.forms import label
from cellapp.ui.components.messages import capital, escape, show_error
from cellapp.ui.components.uploaded import upload_field
from cellapp.ui.learn.label.state import LabelState

_REPORTED = 8


def column_menu(state: LabelState) -> None:
    """Draw the rules: every cell of the images with a value in a column has a class."""
    menu = st.popover("Column", icon=":material/table_rows:", key="label_column", on_change="rerun")
    if not menu.open:
        return
    with menu:
        st.markdown(
            "Every cell of some images is one class, by a column of the image table. A label by hand counts more."
        )
        for rule in list_rules(state.page.project.id):
            with st.container(horizontal=True, vertical_alignment="center"):
                said = f"{label(rule.column)} {rule.value}: **{escape(rule.class_name)}**"
                st.markdown(said.replace(rule.value, escape(rule.value), 1))
                if st.button(
                    "", icon=":material/close:", key=f"label_rule_{rule.id}", help="Take back", type="tertiary"
                ):
                    retract_rules([rule.id])
                    st.rerun()
        _new_rule(state)


def table_menu(state: LabelState) -> None:
    """Draw import and export of labels as CSV."""
    menu = st.popover("Tables", icon=":material/table_chart:", key="label_tables", on_change="rerun")
    if not menu.open:
        return
    with menu:
        st.download_button(
            "Export labels (CSV)",
            data=lambda: _table(state),
            file_name=f"{state.run.name}_labels.csv",
            mime="text/csv",
            icon=":material/download:",
            key="label_export",
            on_click="ignore",
        )
        n_taken = st.session_state.get("label_tables_taken", 0)
        files = upload_field(
            "Import labels: a table with class, image, and cell_id or x and y",
            types=["csv", "tsv", "txt"],
            key=f"label_import_{n_taken}",
        )
        if files:
            st.session_state["label_tables_taken"] = n_taken + 1  # a fresh uploader: a table is added once
            _import(state, files[0].name, files[0].content())
            files[0].let_go()
            st.rerun()
        _show_report()


def _new_rule(state: LabelState) -> None:
    filled = {
        name: sorted({value for image in state.images.values() if (value := image.conditions.get(name, "").strip())})
        for name in CONDITIONS
    }
    columns = [name for name, values in filled.items() if values]
    if not columns:
        st.caption("The image table says nothing of these images yet; type it in on Upload.")
        return
    column = st.selectbox("Column", columns, format_func=label, key="label_rule_column")
    value = st.selectbox("Value", filled[column], key=f"label_rule_value_{column}")
    name = st.selectbox("Class", state.classes.names, key="label_rule_class", accept_new_options=True)
    if st.button("Label these cells", key="label_rule_add", type="primary", disabled=not name):
        try:
            add_rule(state.page.project.id, column, value, str(name), who=state.who)
        except CellappError as error:
            show_error(error)
            return
        st.rerun()


def _table(state: LabelState) -> bytes:
    with TemporaryDirectory() as folder:
        lines = export_labels(Exchange(state.page.project.id, state.run))
        return write_label_table(lines, Path(folder) / "labels.csv").read_bytes()


def _import(state: LabelState, name: str, content: bytes) -> None:
    kept: ImportReport | CellappError
    try:
        with TemporaryDirectory() as folder:
            path = Path(folder) / clean_name(name)
            path.write_bytes(content)
            kept = import_label_file(Exchange(state.page.project.id, state.run), path, who=state.who)
    except CellappError as error:
        kept = error
    st.session_state["label_import_report"] = kept


def _show_report() -> None:
    report = st.session_state.get("label_import_report")
    if isinstance(report, CellappError):
        show_error(report)
    elif report is not None:
        st.success(f"{report.n_added:,} labels added, {report.n_known:,} there before.", icon=":material/check:")
        said = [*report.left_out, *report.notes]
        for sentence in said[:_REPORTED]:
            st.caption(escape(f"{capital(sentence)}."))
        if len(said) > _REPORTED:
            st.caption(f"And {len(said) - _REPORTED:,} more lines.")
