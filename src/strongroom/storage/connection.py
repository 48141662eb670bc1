"""The connection that `Store.read` and `Store.write` hand to their functions, by the name that the rooms above use."""

from sqlalchemy import Connection

__all__ = ["Connection"]
