"""`strongroom fsck`: check every stored byte of objects, and of the code of functions."""

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from strongroom.cli.store_options import StoreOptions

if TYPE_CHECKING:
    from rich.progress import Progress

    from strongroom.server.check_store import StoreCheck
    from strongroom.services.s3.checking.damage import CheckedPiece

DAMAGED = 1


def fsck(store: Annotated[StoreOptions | None, Parameter(name="*")] = None) -> None:
    """Check the authentication tags of what is stored in buckets and of functions' code, and that none is missing.

    A server may run meanwhile. Objects whose key the client keeps (SSE-C) cannot be checked, nor can those whose KMS
    key was deleted. The exit status is 1 when something is damaged or missing.
    """
    import asyncio

    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    from strongroom.cli.known_server import known_server
    from strongroom.server.check_store import check_store

    configuration = known_server(store or StoreOptions()).configuration
    columns = (TextColumn("checking"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not sys.stderr.isatty()) as bar:
        found = asyncio.run(check_store(configuration, _Bar(bar)))
    print("\n".join(_summary(found)))
    if found.damaged:
        sys.exit(DAMAGED)


class _Bar:
    """Shows on a terminal how far the check is."""

    def __init__(self, progress: "Progress") -> None:
        self._progress = progress
        self._task = progress.add_task("checking", total=None)

    def begin(self, pieces: int, stored_bytes: int) -> None:
        self._progress.update(self._task, total=stored_bytes)

    def advance(self, piece: "CheckedPiece") -> None:
        self._progress.advance(self._task, piece.stored_bytes)


def _summary(found: "StoreCheck") -> list[str]:
    from strongroom.policy_check.listing import printable

    lines = [printable(f"DAMAGED {each.name}, part {each.number}: {each.damage}") for each in found.damaged]
    lines.append(f"{found.pieces:,} parts of objects and code ({found.stored_bytes:,} bytes) were checked.")
    lines += [f"{count:,} parts could not be checked: {why}." for why, count in sorted(found.not_checked.items())]
    if found.orphans:
        size = f"{found.orphan_bytes:,} bytes"
        lines.append(f"{found.orphans:,} blobs ({size}) belong to no object; a running server deletes them.")
    lines.append(f"{len(found.damaged):,} parts are damaged or missing." if found.damaged else "Nothing is damaged.")
    return lines
