"""Alembic's entry, run by `cellapp.store.migrate`.

To change a table: edit `cellapp.store.schema` or a module beside it, then write the migration with Alembic's
autogenerate against a migrated scratch database, from Python: ``config = migration_config()``, put an open connection
in ``config.attributes["connection"]`` and call ``alembic.command.revision(config, "what changes", autogenerate=True)``.
Read what it wrote before committing it. A renamed or dropped setting needs a migration of ``runs.settings`` too.
"""

from alembic import context

from cellapp.store import (  # noqa: F401 tables are known once imported
    evaluation_schema,
    file_schema,
    label_schema,
    mask_edit_schema,
    region_schema,
    segmenter_schema,
)
from cellapp.store.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
with context.begin_transaction():
    context.run_migrations()
