"""Heads that a project keeps."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables of a database of the revision before."""
    op.create_table(
        "heads",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("identity", sa.String(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_heads_project_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_heads"),
        sa.UniqueConstraint("project_id", "identity", name="uq_heads_project_id"),
    )
    with op.batch_alter_table("heads", schema=None) as batch_op:
        batch_op.create_index("ix_heads_identity", ["identity"], unique=False)
        batch_op.create_index("ix_heads_project_id", ["project_id"], unique=False)
