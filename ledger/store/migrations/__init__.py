"""Schema migrations, run by Alembic from `ledger.store.database.upgrade`."""
