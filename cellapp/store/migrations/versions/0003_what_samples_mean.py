"""Images whose file is read as something else by now: opaque alpha is no channel, indexed colours are three."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_IMAGES = sa.table(
    "images",
    *(sa.column(name, sa.String()) for name in ("id", "digest", "file_digest")),
    *(sa.column(name, sa.JSON()) for name in ("info", "channels", "roles", "parts", "selection")),
    sa.column("um_per_px", sa.Double()),
)


def upgrade() -> None:
    """Change the tables of a database of the revision before."""
    from cellapp.store.image_headers import look_again  # here: readers of images take long to import

    connection = op.get_bind()
    for row in connection.execute(sa.select(_IMAGES)).mappings().all():
        changed = look_again(row)
        if changed:
            connection.execute(sa.update(_IMAGES).where(_IMAGES.c.id == row["id"]).values(**changed))
