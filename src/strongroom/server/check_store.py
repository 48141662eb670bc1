"""Checking every stored byte of objects and of code, for the operator: whether a server runs on the store or not."""

import tempfile
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from strongroom.base.clock import Clock
from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.operations.house import House
from strongroom.operations.quotas.memory_file import ServedMemory
from strongroom.operations.sealed_blobs.check import find_orphans
from strongroom.operations.sealed_blobs.sweeper import OLD_SECONDS, named_among
from strongroom.server.house import SERVED
from strongroom.server.operator_store import operator_store
from strongroom.services.kms.operator_access import decrypt_as_operator
from strongroom.services.lambda_.code_check import check_codes
from strongroom.services.lambda_.tables import total_codes
from strongroom.services.s3.checking.damage import CheckedPiece, check_everything
from strongroom.services.s3.checking.tables import total
from strongroom.storage.blobs.errors import BlobsUnavailable
from strongroom.storage.blobs.store import open_blob_store

ROOMS_WITH_TABLES = SERVED
"""Importing these puts every table into the catalogue, and everybody who names blobs among those who are asked."""


@dataclass(slots=True)
class StoreCheck:
    """What was found. `not_checked` counts pieces by the reason; `orphans` are blobs that no row names."""

    pieces: int = 0
    stored_bytes: int = 0
    damaged: list[CheckedPiece] = field(default_factory=list)
    not_checked: dict[str, int] = field(default_factory=dict)
    orphans: int = 0
    orphan_bytes: int = 0

    def add(self, piece: CheckedPiece) -> None:
        """Count a piece."""
        if piece.why_not:
            self.not_checked[piece.why_not] = self.not_checked.get(piece.why_not, 0) + 1
            return
        self.pieces += 1
        self.stored_bytes += piece.stored_bytes
        if piece.damage:
            self.damaged.append(piece)


class Progress(Protocol):
    """Who wants to know how far the check is: of how many pieces and bytes, and each piece as it is done."""

    def begin(self, pieces: int, stored_bytes: int) -> None:
        """Be told how much there is."""

    def advance(self, piece: CheckedPiece) -> None:
        """Be told of a piece that was looked at."""


async def check_store(configuration: Configuration, progress: Progress) -> StoreCheck:
    """Read everything stored, and return what was found. Raises OperatorError when it cannot be read at all."""
    async with _operator_house(configuration) as house:

        async def decrypt(key_arn: str, ciphertext: bytes, context: Mapping[str, str]) -> bytes | None:
            return await decrypt_as_operator(house, key_arn, ciphertext, context)

        async def named(names: Sequence[str]) -> Collection[str]:
            return await named_among(house, names)

        found = StoreCheck()
        pieces, codes = await house.store.read(total), await house.store.read(total_codes)
        progress.begin(pieces[0] + codes[0], pieces[1] + codes[1])
        try:
            async for code in check_codes(house, decrypt):
                checked = CheckedPiece(code.name, 1, code.stored_bytes, code.damage, code.why_not)
                found.add(checked)
                progress.advance(checked)
            async for piece in check_everything(house, decrypt):
                found.add(piece)
                progress.advance(piece)
            async for orphan in find_orphans(house.blobs, named, house.clock.wall() - OLD_SECONDS):
                found.orphans += 1
                found.orphan_bytes += orphan.stored_bytes
        except BlobsUnavailable as error:
            raise OperatorError(f"the blobs cannot be read: {error}") from None
        return found


@asynccontextmanager
async def _operator_house(configuration: Configuration) -> AsyncGenerator[House, None]:
    """Open the house on a store that is there already, without anything that happens by itself."""
    clock = Clock()
    # What the operator reads counts against nobody's quota: the buckets are the house's own, and thrown away.
    with tempfile.TemporaryDirectory(prefix="strongroom-") as directory:
        async with operator_store(configuration, clock.wall()) as opened:
            blobs = open_blob_store(configuration.blobs or configuration.data / "blobs")
            buckets = ServedMemory(Path(directory) / "quotas", is_shared=False)
            try:
                yield House(configuration, clock, opened.store, blobs, opened.sealer, buckets)
            finally:
                buckets.leave()
                blobs.close()
