"""Runs the migrations on the connection that `ledger.store.database.upgrade` hands over."""

from alembic import context

from ledger.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
