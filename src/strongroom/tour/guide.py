"""The guide: has the rows shown in their order, the slow ones begun ahead, and all processes ended in the end."""

import threading
import time
from collections.abc import Callable, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from strongroom.tour.callers import Clients
from strongroom.tour.premises import Premises
from strongroom.tour.proof import NotProvedHere, Outcome, Proof, Unproved
from strongroom.tour.row import Row
from strongroom.tour.served import Served
from strongroom.tour.transcript import Transcript
from strongroom.tour.visit import Interrupted, Visit

Shown = Callable[[Row, Transcript, Outcome], None]

_JOIN_SECONDS_MAX = 30.0


class Walk:
    """One row being walked through, in a thread of its own."""

    def __init__(self, row: Row, premises: Premises, served: Served, clients: Clients) -> None:
        self.row = row
        self.transcript = Transcript()
        self.outcome = Outcome(row.name, row.title)
        folder = premises.folder / row.name
        folder.mkdir()
        self._visit = Visit(served, clients, premises, folder, self.outcome, self.transcript)
        self._thread = threading.Thread(target=self._run, name=row.name, daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Return when it has ended."""
        self._thread.join(_JOIN_SECONDS_MAX)

    def _run(self) -> None:
        begin = time.monotonic()
        try:
            self.row.show(self._visit)
        except NotProvedHere as reason:
            self.outcome.not_here = reason
            self.transcript.add(reason)
        except Interrupted:
            self._fail(Proof("the row is walked through to its end", "the end", "the tour was ended", False))
        except Unproved as unproved:
            self._fail(unproved.proof)
        except (ClientError, BotoCoreError) as error:
            self._fail(Proof("the server does as it is asked", "an answer", str(error), False))
        except Exception as error:
            # Whatever it is: the other rows go on, and this one is not proved.
            words = " ".join(f"{type(error).__name__}: {error}".split())
            self._fail(Proof("the row is walked through to its end", "the end", words, False))
        finally:
            self.outcome.seconds = time.monotonic() - begin
            self.transcript.close()

    def _fail(self, proof: Proof) -> None:
        self.outcome.proofs.append(proof)
        self.transcript.add(proof)


def guide(
    rows: Sequence[Row], last: Row, premises: Premises, server: tuple[Served, Clients], shown: Shown
) -> list[Outcome]:
    """Walk through the rows on a server, and through `last` when all others have ended; return how each ended.

    `shown` is called for each row in order, while it may still go on; its transcript ends when the row does. The
    processes have ended when this returns, or raises what `shown` raises (KeyboardInterrupt among it).
    """
    walks: list[Walk] = []
    try:
        ahead = {row.name: Walk(row, premises, *server) for row in rows if row.is_slow}
        walks += ahead.values()
        outcomes = []
        for row in (*rows, last):
            walk = ahead.get(row.name)
            if walk is None:
                walk = Walk(row, premises, *server)
                walks.append(walk)
            shown(row, walk.transcript, walk.outcome)
            walk.join()
            outcomes.append(walk.outcome)
        return outcomes
    finally:
        premises.end_processes()
        for walk in walks:
            walk.join()
