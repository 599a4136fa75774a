"""Every model the app knows: its card, licence, size and whether it is here."""

import streamlit as st

from cellapp.models.registry import registry
from cellapp.ui.components.messages import RESEARCH_ONLY
from cellapp.ui.layout import frame
from cellapp.ui.models.model_cards import KINDS, card_columns, downloads, model_card, offline_note
from cellapp.ui.models.project_heads import heads_section
from cellapp.ui.models.project_segmenters import segmenters_section

page = frame.open_page()

st.title("Models")
entries = registry()
offline_note(entries)
kind = st.segmented_control(
    "What for", list(KINDS), default="segmenter", required=True, format_func=KINDS.get, key="models_kind"
)
if kind == "head":
    heads_section(page.project.id)
if kind == "segmenter":
    segmenters_section(page.project.id)
columns, asked = card_columns(), downloads()
of_kind = [entry for entry in entries.values() if entry.kind == kind]
for at, entry in enumerate(of_kind):
    with columns[at * len(columns) // len(of_kind)]:  # down a column, so that a narrow window has the same order
        model_card(entry, asked.get(entry.name))
st.caption(f"A download is checked before it is used, by its published sha256 or that of the first. {RESEARCH_ONLY}")
