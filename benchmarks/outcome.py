"""How a measurement ends: with a report, or with the reason why there are no figures."""

import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks import servers
from benchmarks.load import WrongAnswerError
from benchmarks.servers import StartError

Measure = Callable[[Path, ExitStack], None]
"""Measures in a directory that is gone afterwards; the stack stops what it starts."""


def status_of(measure: Measure, *, with_peers: bool) -> int:
    """Return 0 after a report, 1 when a server failed or gave a wrong answer, 2 when the peers are not installed."""
    if with_peers and not servers.PEERS.exists():
        print("No peers in .venv-bench; see docs/performance.md, or use --without-peers.", file=sys.stderr)
        return 2
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="strongroom-bench-")))
        try:
            measure(directory, stack)
        except (StartError, WrongAnswerError, OSError) as error:
            print(f"No figures: {error}", file=sys.stderr)
            return 1
    return 0
