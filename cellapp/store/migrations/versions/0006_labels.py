"""Labels of cells with who gave them, when and on which run; rules that label whole images; the classes of a project."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables of a database of the revision before."""
    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.add_column(sa.Column("classes", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("positive", sa.String(), nullable=True))

    op.create_table(
        "labels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("image_id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("cell_id", sa.Integer(), nullable=True),
        sa.Column("class_name", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("y_px", sa.Double(), nullable=False),
        sa.Column("x_px", sa.Double(), nullable=False),
        sa.Column("outline", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retracted", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name="fk_labels_image_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_labels_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_labels"),
    )
    with op.batch_alter_table("labels", schema=None) as batch_op:
        batch_op.create_index("ix_labels_image_id", ["image_id"], unique=False)
        batch_op.create_index("ix_labels_project_id", ["project_id"], unique=False)
        batch_op.create_index("ix_labels_run_id_image_id", ["run_id", "image_id"], unique=False)

    op.create_table(
        "label_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("column", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("class_name", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retracted", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_label_rules_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_label_rules"),
    )
    with op.batch_alter_table("label_rules", schema=None) as batch_op:
        batch_op.create_index("ix_label_rules_project_id", ["project_id"], unique=False)

    # Classes given by hand before there was a history: nobody knows by whom, and the run says since when.
    op.execute(
        "INSERT INTO labels (project_id, image_id, run_id, cell_id, class_name, who, source, y_px, x_px, created) "
        "SELECT runs.project_id, cells.image_id, cells.run_id, cells.cell_id, cells.manual_label, '', 'hand', "
        "cells.centroid_y_px, cells.centroid_x_px, COALESCE(runs.finished, runs.created) "
        "FROM cells JOIN runs ON runs.id = cells.run_id WHERE cells.manual_label <> '' "
        "ORDER BY cells.run_id, cells.image_id, cells.cell_id"
    )
