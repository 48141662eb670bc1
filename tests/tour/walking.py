"""Rows walked through on a server of the test's own, without a screen."""

from collections.abc import Callable, Iterator

import pytest

from strongroom.tour.callers import Clients
from strongroom.tour.guide import Walk
from strongroom.tour.premises import Premises
from strongroom.tour.proof import Outcome
from strongroom.tour.row import Row
from strongroom.tour.served import Served
from strongroom.tour.transcript import Entry
from strongroom.tour.visit import Visit


class Grounds:
    """Premises with a server, for several walks."""

    def __init__(self, premises: Premises) -> None:
        self.premises = premises
        self.served, self.clients = premises.serve("server")
        self._walks = 0

    def walk(
        self, show: Callable[[Visit], None], served: Served | None = None, clients: Clients | None = None
    ) -> tuple[Outcome, list[Entry]]:
        """Walk through a row, and return how it ended and its entries."""
        self._walks += 1
        row = Row(f"T{self._walks}", "a row for tests", show)
        walk = Walk(row, self.premises, served or self.served, clients or self.clients)
        entries = list(walk.transcript.entries())
        walk.join()
        return walk.outcome, entries


@pytest.fixture(scope="module")
def grounds() -> Iterator[Grounds]:
    """Premises that the tests of a module share."""
    premises = Premises()
    try:
        yield Grounds(premises)
    finally:
        premises.end_processes()
        premises.remove()
