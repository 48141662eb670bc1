"""What can go wrong with blobs, in words that hold for every store."""

from strongroom.storage.errors import StorageUnavailable


class BlobsUnavailable(StorageUnavailable):
    """The blob store cannot do it now (disk full, I/O error, no connection): a 5xx for the client, who may try again.

    What was to be written is not there, or will be swept away as a blob that no row names.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"the blob store is unavailable: {why}")


class BlobMissing(Exception):  # noqa: N818 (it says what happened)
    """There is no blob of this name, or it was deleted meanwhile."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no blob {name}")
        self.name = name


class BlobTooShort(Exception):  # noqa: N818 (it says what happened)
    """The blob ends before the range that was asked for."""

    def __init__(self, name: str) -> None:
        super().__init__(f"blob {name} ends too early")
        self.name = name
