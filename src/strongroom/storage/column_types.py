"""Column types that mean the same on SQLite and PostgreSQL.

Integers that may pass 2**31 are `sqlalchemy.BigInteger`; truth values are `sqlalchemy.Boolean`.
"""

import json
from typing import Any

from sqlalchemy import BigInteger, Dialect, Double, Integer, LargeBinary, String, Text, TypeDecorator

Timestamp: Double[float] = Double()
"""Seconds since 1970-01-01T00:00:00Z as an IEEE 754 double, which is what `Clock.now` gives.

Both databases keep the double bit for bit: the time read is the time written, and a comparison in SQL decides as the
same comparison in Python does. Microseconds as integers would round on the way in, so that a value in a cache and its
row would differ. At today's dates a double resolves 0.24 microseconds.
"""

Bytes = LargeBinary()
"""Any bytes, read back as `bytes`."""

OrderedText = String().with_variant(String(collation="C"), "postgresql")
"""Text that sorts and compares by code point, on PostgreSQL whatever the collation of the database may be.

Use it for names and identifiers, so that listings and their pagination tokens agree between databases. PostgreSQL
refuses U+0000 in text: callers must not let it through.
"""

RowNumber = BigInteger().with_variant(Integer(), "sqlite")
"""A primary key that the database numbers by itself (64 bits). Numbers rise, with gaps; they are not commit order."""


class JsonText(TypeDecorator[Any]):
    """Any JSON value, kept as ASCII JSON text; None is SQL NULL.

    Escaping what is not ASCII lets U+0000 and lone surrogates through PostgreSQL, which refuses them in plain text.
    Raises TypeError for what JSON cannot hold (bytes, datetimes) and ValueError for NaN and the infinities.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return `value` as JSON text."""
        return None if value is None else _encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Return the JSON value of stored text."""
        return None if value is None else json.loads(value)


_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
