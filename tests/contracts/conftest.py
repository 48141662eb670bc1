"""The databases and blob stores that the stores' contracts hold on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from obstore.store import LocalStore, MemoryStore

from strongroom.storage.blobs.local import LocalBlobs
from strongroom.storage.blobs.object_store import ObjectStoreBlobs
from strongroom.storage.blobs.store import BlobStore


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/data/strongroom.db"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(params=["local", "object store in memory", "object store in files"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStore]:
    """An empty blob store of each kind. obstore's own stores in memory and in files stand for the remote ones."""
    store: BlobStore
    if request.param == "local":
        store = LocalBlobs(tmp_path / "blobs")
    elif request.param == "object store in memory":
        store = ObjectStoreBlobs(MemoryStore())
    else:
        store = ObjectStoreBlobs(LocalStore(tmp_path / "objects", mkdir=True))
    yield store
    store.close()
