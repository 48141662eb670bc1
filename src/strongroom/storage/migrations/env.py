"""What Alembic executes to run the migrations, on the connection and in the transaction that `migrate` gives it."""

from alembic import context

from strongroom.storage.schema import metadata

# The metadata is here for its naming convention: a migration's tables get the same constraint names as tables.py's.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
