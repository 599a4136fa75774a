"""Several images behind one file, files that wait to be chosen from, and how a project reduces depth."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables of a database of the revision before."""
    # Rows of version 0.1.0 get the values that they were read with: the file itself, its first image, the maximum.
    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.add_column(sa.Column("depth", sa.String(), server_default="max", nullable=False))

    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.add_column(sa.Column("file_digest", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("selection", sa.JSON(), server_default="{}", nullable=False))

    op.create_table(
        "pending_files",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("ticked", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_pending_files_project_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_pending_files"),
        sa.UniqueConstraint("project_id", "digest", name="uq_pending_files_project_id"),
    )
