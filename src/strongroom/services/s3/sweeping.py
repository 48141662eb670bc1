"""What S3 leaves behind when it is cut short: blobs without a piece, pieces without an object or an upload."""

from collections.abc import AsyncGenerator, Collection, Sequence

from strongroom.operations.house import House
from strongroom.operations.periodic import LongWork, periodic
from strongroom.operations.sealed_blobs.sweeper import names_blobs
from strongroom.services.s3.content import Content
from strongroom.services.s3.multipart.tables import contents_without_parent
from strongroom.services.s3.service import S3
from strongroom.services.s3.tables import blobs_among, delete_pieces
from strongroom.storage.connection import Connection

EVERY_SECONDS = 86_400.0
BATCH = 100


@names_blobs(S3.name)
def named_among(connection: Connection, names: Sequence[str]) -> Collection[str]:
    """Return which of some blobs hold a piece."""
    return blobs_among(connection, names)


class PieceSweeps(LongWork):
    """The sweeps of one house."""

    def __init__(self, house: House) -> None:
        super().__init__(house, _steps, EVERY_SECONDS)


@periodic("s3/sweep-pieces")
async def sweep_pieces(house: House) -> None:
    """Delete pieces that belong to nothing.

    Pieces come and go with what they belong to, in one transaction: there are none, unless a row was taken away by
    other means than ours.
    """
    await house.part(PieceSweeps).go_on()


async def _steps(house: House) -> AsyncGenerator[None, None]:
    stale: list[str] = []

    def write(connection: Connection) -> int:
        stale.clear()
        found = contents_without_parent(connection, BATCH)
        for content_id in found:
            stale.extend(delete_pieces(connection, content_id))
        return len(found)

    while await house.store.write(write):
        await house.part(Content).delete(stale)
        yield
