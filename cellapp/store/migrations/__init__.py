"""Alembic migrations of the store, run by `cellapp.store.migrate` at first use."""
