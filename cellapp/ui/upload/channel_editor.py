"""Edit names and roles of channels, combine files of one channel each, pair an image with one to segment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from cellapp.errors import CellappError
from cellapp.images.channel_files import channel_marks, group_channel_files
from cellapp.images.channels import unknown_roles
from cellapp.store import images, joined_images
from cellapp.store.records import ImageRecord
from cellapp.types.image import Role
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.session.page_state import choose
from cellapp.ui.upload.tile_offer import tile_groups

_GROUPS_SHOWN = 8  # of two series of one channel each there is a group per time point; the next ones follow


def names_and_roles(image: ImageRecord, records: Sequence[ImageRecord]) -> None:
    """Draw the editor of channel names and roles; the store remembers them for the project's next images."""
    if unknown_roles(image.channels, image.roles):
        st.warning(
            "What these channels show is not known, so that cells are looked for in their mean. Say below which shows "
            "nuclei and which whole cells.",
            icon=":material/help:",
        )
    table = pd.DataFrame(
        {
            "channel": range(1, len(image.channels) + 1),
            "name": image.channels,
            "role": [role.value for role in image.roles],
        }
    )
    edited = st.data_editor(
        table,
        key=f"channels_{image.id}",
        hide_index=True,
        disabled=["channel"],
        column_config={
            "channel": st.column_config.NumberColumn("No.", width=50),
            "name": st.column_config.TextColumn("Name", required=True, max_chars=60),
            "role": st.column_config.SelectboxColumn("Shows", options=_role_options(image), required=True),
        },
        alt=f"Channel names and roles of {image.name}",
    )
    alike = [record for record in records if record.info.channels == image.info.channels]
    label = "Save for this image" if len(alike) == 1 else f"Save for all {len(alike)} images with these channels"
    if st.button(label, icon=":material/save:", key="save_channels", disabled=edited.equals(table)):
        _save(alike, tuple(edited["name"]), tuple(Role(role) for role in edited["role"]))


def _role_options(image: ImageRecord) -> list[str]:
    """Return the roles to choose from; only three channels can be the colours of a photograph."""
    return [role.value for role in Role if role is not Role.COLOUR or len(image.channels) == 3]


def combine_files(project_id: str, records: Sequence[ImageRecord]) -> None:
    """Offer to join images of one channel each that seem to belong together."""
    for stem, members in list(channel_groups(records).items())[:_GROUPS_SHOWN]:
        with st.container(border=True):
            st.markdown(f"**{escape(stem)}** seems to come as one file per channel:")
            table = pd.DataFrame(
                {
                    "file": [member.name for member in members],
                    "channel": channel_marks([member.name for member in members]),
                }
            )
            edited = st.data_editor(
                table,
                key=f"combine_{members[0].id}",
                hide_index=True,
                disabled=["file"],
                alt=f"Files that make up {stem}",
            )
            if st.button(
                f"Combine {len(members)} files into one image", icon=":material/join:", key=f"join_{members[0].id}"
            ):
                _combine(project_id, members, tuple(edited["channel"]))


def pairing(image: ImageRecord, records: Sequence[ImageRecord]) -> None:
    """Let another image of the same size be segmented in place of this one, from which cells are then cut."""
    partners = {
        record.id: record.name
        for record in records
        if record.id != image.id and record.info.shape[1:] == image.info.shape[1:]
    }
    if not partners:
        st.caption(
            "Another image of the same height and width can be segmented in place of this one; there is none here."
        )
        return
    key = f"reference_{image.id}"
    st.session_state[key] = image.reference_id if image.reference_id in partners else None
    st.selectbox(
        "Segment on",
        list(partners),
        index=None,
        format_func=lambda choice: partners.get(choice, choice),
        placeholder="this image itself",
        key=key,
        on_change=_pair,
        args=(image.id, key),
        help="Cells are found on the image chosen here, then measured, cut and classified on this one.",
    )


def channel_groups(records: Sequence[ImageRecord]) -> Mapping[str, list[ImageRecord]]:
    """Group images that hold one channel each and belong together by their names, in channel order.

    Exports of one channel are often colour pictures in the colour of the dye: those count too. Tiles do not.
    """
    tiles = {tile.id for _, members in tile_groups(records) for tile in members}  # img_r0_c1 is no channel
    single = {
        record.name: record
        for record in records
        if record.info.shape[0] in (1, 3) and not record.parts and record.id not in tiles
    }
    groups = {stem: [single[name] for name in names] for stem, names in group_channel_files(list(single)).items()}
    return {
        stem: members
        for stem, members in groups.items()
        if len(members) > 1 and len({member.info.shape for member in members}) == 1
    }


def _save(alike: Sequence[ImageRecord], names: tuple[str, ...], roles: tuple[Role, ...]) -> None:
    try:
        for record in alike:
            images.set_channels(record.id, names, roles)
    except CellappError as error:
        show_error(error)
        return
    st.rerun()


def _combine(project_id: str, members: Sequence[ImageRecord], names: tuple[str, ...]) -> None:
    try:
        joined = joined_images.combine_images(project_id, [member.id for member in members], names)
    except CellappError as error:
        show_error(error)
        return
    choose("image", joined.id)
    st.rerun()


def _pair(image_id: str, key: str) -> None:
    try:
        images.set_reference(image_id, st.session_state[key])
    except CellappError as error:
        st.session_state["samples_problem"] = str(error)
