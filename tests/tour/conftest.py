"""Fixtures of the tour's tests."""

from tests.tour.walking import grounds

__all__ = ["grounds"]
