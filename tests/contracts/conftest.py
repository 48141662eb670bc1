"""The databases and blob stores that the stores' contracts hold on."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from obstore.store import LocalStore, MemoryStore, S3Store
from tests.running_server import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, RunningServer

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


def s3_store(server: RunningServer) -> S3Store:
    """Return obstore's client of S3, for a bucket of another Strongroom."""
    bucket = f"blobs-{uuid.uuid4().hex[:12]}"
    server.client("s3").create_bucket(Bucket=bucket)
    return S3Store(
        bucket,
        prefix="some/where",
        endpoint=server.http,
        region="us-east-1",
        access_key_id=ROOT_ACCESS_KEY_ID,
        secret_access_key=ROOT_SECRET_ACCESS_KEY,
        client_options={"allow_http": True},
    )


@pytest.fixture(params=["local", "object store in memory", "object store in files", "S3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStore]:
    """An empty blob store of each kind.

    obstore's own stores in memory and in files stand for the remote ones; and so does S3, as another server serves it.
    """
    store: BlobStore
    if request.param == "local":
        store = LocalBlobs(tmp_path / "blobs")
    elif request.param == "object store in memory":
        store = ObjectStoreBlobs(MemoryStore())
    elif request.param == "S3":
        store = ObjectStoreBlobs(s3_store(request.getfixturevalue("server")))
    else:
        store = ObjectStoreBlobs(LocalStore(tmp_path / "objects", mkdir=True))
    yield store
    store.close()
