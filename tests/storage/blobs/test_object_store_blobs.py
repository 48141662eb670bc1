from datetime import timedelta

import pytest
from obstore.store import MemoryStore, S3Store

from strongroom.storage.blobs.errors import BlobsUnavailable
from strongroom.storage.blobs.names import new_name
from strongroom.storage.blobs.object_store import ObjectStoreBlobs


@pytest.fixture
def unreachable() -> ObjectStoreBlobs:
    """A store of which nobody answers: port 9 is the discard service's, and nobody runs it on the loopback."""
    store = S3Store(
        "bucket",
        config={"endpoint": "http://127.0.0.1:9", "access_key_id": "id", "secret_access_key": "never-shown"},
        client_options={"allow_http": True},
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
    )
    return ObjectStoreBlobs(store)


def test_a_store_that_does_not_answer_is_an_outage(unreachable: ObjectStoreBlobs) -> None:
    writer = unreachable.create()
    writer.append(b"x")
    attempts = [
        writer.finish,
        lambda: unreachable.open(new_name()).size(),
        lambda: unreachable.delete(new_name()),
        lambda: list(unreachable.batches()),
    ]
    for attempt in attempts:
        with pytest.raises(BlobsUnavailable) as caught:
            attempt()
        assert "\n" not in str(caught.value)
        assert "never-shown" not in str(caught.value)
    writer.discard()


def test_what_is_not_a_blob_is_not_listed() -> None:
    store = MemoryStore()
    store.put("notes.txt", b"x")
    store.put("ab/" + new_name(), b"x")
    assert list(ObjectStoreBlobs(store).batches()) == []
