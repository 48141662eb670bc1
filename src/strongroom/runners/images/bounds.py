"""How much an image may cost: bytes, files, layers and time. What is over it is refused while it is unpacked."""

import shutil
import threading
import time
from pathlib import Path

from strongroom.runners.images.refusals import ImageRefused

UNPACKED_BYTES_MAX = 20 * 1024**3
BLOB_BYTES_MAX = 10 * 1024**3
ENTRIES_MAX = 1_000_000
LAYERS_MAX = 128
DOCUMENT_BYTES_MAX = 4 * 1024**2
"""A manifest, an index or a configuration."""
SECONDS_MAX = 1_800.0
FREE_BYTES_LEAST = 2 * 1024**3
"""What is left free of the file system that images are unpacked in, for all else that the server keeps there."""
_BYTES_BETWEEN_LOOKS = 64 * 1024**2


class Bounds:
    """What is left of it for one image. `give_up` is set by whoever does not want the image any more."""

    def __init__(
        self,
        unpacked_bytes: int = UNPACKED_BYTES_MAX,
        entries: int = ENTRIES_MAX,
        seconds: float = SECONDS_MAX,
    ) -> None:
        self.give_up = threading.Event()
        self._bytes_left = unpacked_bytes
        self._entries_left = entries
        self._until = time.monotonic() + seconds
        self.bytes_taken = 0
        self._place: Path | None = None
        self._bytes_until_look = 0

    def keep_room_in(self, place: Path) -> None:
        """Have the file system that a directory is in keep FREE_BYTES_LEAST."""
        self._place = place
        self._bytes_until_look = 0

    def check(self) -> None:
        """Raise ImageRefused when the time is over, or nobody waits."""
        if self.give_up.is_set():
            raise ImageRefused("it is not wanted any more")
        if time.monotonic() > self._until:
            raise ImageRefused("it takes too long")

    def take_entry(self) -> None:
        """Count one more file, directory or link. Raises ImageRefused."""
        self.check()
        self._entries_left -= 1
        if self._entries_left < 0:
            raise ImageRefused("it has too many files")

    def take_bytes(self, count: int) -> None:
        """Count bytes that are unpacked. Raises ImageRefused."""
        self.check()
        self._bytes_left -= count
        self.bytes_taken += count
        if self._bytes_left < 0:
            raise ImageRefused("it is too large")
        self.take_room(count)

    def take_room(self, count: int) -> None:
        """Count bytes that are written, unpacked or not. Raises ImageRefused."""
        self.check()
        self._bytes_until_look -= count
        if self._place is not None and self._bytes_until_look < 0:
            self._bytes_until_look = _BYTES_BETWEEN_LOOKS
            if shutil.disk_usage(self._place).free < FREE_BYTES_LEAST + count:
                raise ImageRefused("there is no room for it on this server's disk")
