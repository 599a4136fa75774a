"""Segmenters that a project keeps."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables of a database of the revision before."""
    op.create_table(
        "segmenters",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_segmenters_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_segmenters"),
        sa.UniqueConstraint("project_id", "identity", name="uq_segmenters_project_id"),
    )
