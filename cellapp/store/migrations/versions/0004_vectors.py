"""Vectors of the cells of runs, and how a project makes them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables of a database of the revision before."""
    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.add_column(sa.Column("vector_settings", sa.JSON(), server_default="{}", nullable=False))

    op.create_table(
        "vectors",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("image_id", sa.String(), nullable=False),
        sa.Column("settings_key", sa.String(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("encoder", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id", "image_id"],
            ["run_images.run_id", "run_images.image_id"],
            name="fk_vectors_run_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "image_id", "settings_key", name="pk_vectors"),
    )
    with op.batch_alter_table("vectors", schema=None) as batch_op:
        batch_op.create_index("ix_vectors_key", ["key"], unique=False)
