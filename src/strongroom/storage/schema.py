"""The one catalogue of tables. Each service's `tables.py` hangs its `Table` objects on `metadata`."""

from sqlalchemy import MetaData

# Constraints have the same, predictable names on both databases, so that a migration can alter or drop them.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)
