"""A server that keeps large objects in another server's S3, sealed: the other one never sees what they are."""

import os
from pathlib import Path

from tests.running_server import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, RunningServer, running_server

SIZE = 9 * 1024 * 1024


def test_objects_are_sealed_before_they_leave(server: RunningServer, tmp_path: Path) -> None:
    other = server.client("s3")
    other.create_bucket(Bucket="kept-for-another")
    place = {
        "AWS_ENDPOINT": server.http,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_ACCESS_KEY,
    }
    options = ("--blobs", "s3://kept-for-another/its/place")
    content = b"a line that is easily found again\n" + os.urandom(SIZE)
    with running_server(tmp_path, options=options, environment=place) as kept_elsewhere:
        s3 = kept_elsewhere.client("s3")
        s3.create_bucket(Bucket="room")
        s3.put_object(Bucket="room", Key="large", Body=content)
        kept_elsewhere.kill()
        kept_elsewhere.start()
        s3 = kept_elsewhere.client("s3")
        assert s3.get_object(Bucket="room", Key="large")["Body"].read() == content
        part = s3.get_object(Bucket="room", Key="large", Range="bytes=5000000-5000009")["Body"].read()
        assert part == content[5_000_000:5_000_010]
        (found,) = other.list_objects_v2(Bucket="kept-for-another")["Contents"]
        assert found["Key"].startswith("its/place/")
        stored = other.get_object(Bucket="kept-for-another", Key=found["Key"])["Body"].read()
        assert SIZE < len(stored) < SIZE + 64 * 1024
        assert content[:33] not in stored
        assert content[-64:] not in stored
        s3.delete_object(Bucket="room", Key="large")
        assert "Contents" not in other.list_objects_v2(Bucket="kept-for-another")
