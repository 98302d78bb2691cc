"""What Alembic runs: the revisions, on the connection and in the transaction it was given."""

from alembic import context

from firewarden.store.tables import Row

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    version_table=context.config.attributes["version_table"],
)
context.run_migrations()
