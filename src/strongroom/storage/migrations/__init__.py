"""The history of the schema, as Alembic runs it. `versions` holds one file a step; `env` says how they are run."""
