"""`strongroom fsck`: every kind of encryption, whole and damaged."""

import base64
import hashlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.running_server import RunningServer, running_server

LARGE = 300_000


def fsck(server: RunningServer) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "strongroom.cli", "fsck", "--data", str(server.data)],
        env=os.environ | {"XDG_CONFIG_HOME": str(server.home / "config")},
        capture_output=True,
        text=True,
    )


def fill(server: RunningServer) -> Any:
    """Put objects of every encryption, small ones and large ones."""
    s3, key_id = server.client("s3"), server.client("kms").create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="rooms")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(
        Bucket="rooms",
        ServerSideEncryptionConfiguration={"Rules": [rule | {"BlockedEncryptionTypes": {"EncryptionType": ["NONE"]}}]},
    )
    secret = b"0123456789abcdef0123456789abcdef"
    customer = {
        "SSECustomerAlgorithm": "AES256",
        "SSECustomerKey": base64.b64encode(secret).decode(),
        "SSECustomerKeyMD5": base64.b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode(),
    }
    kinds: dict[str, dict[str, Any]] = {
        "sse-s3": {},
        "sse-kms": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id},
        "bucket-key": {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id, "BucketKeyEnabled": True},
        "dsse": {"ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": key_id},
        "sse-c": customer,
    }
    for name, options in kinds.items():
        s3.put_object(Bucket="rooms", Key=f"{name}/small", Body=b"small", **options)
        s3.put_object(Bucket="rooms", Key=f"{name}/large", Body=os.urandom(LARGE), **options)
    upload = s3.create_multipart_upload(Bucket="rooms", Key="upload", **kinds["sse-kms"])["UploadId"]
    s3.upload_part(Bucket="rooms", Key="upload", UploadId=upload, PartNumber=1, Body=os.urandom(LARGE))
    server.client("kms").disable_key(KeyId=key_id)
    return s3


def blob_of(server: RunningServer, key: str) -> Path:
    with sqlite3.connect(server.data / "strongroom.db") as connection:
        query = "SELECT blob FROM s3_pieces JOIN s3_objects USING (content_id) WHERE key = ?"
        (name,) = connection.execute(query, (key,)).fetchone()
    return server.data / "blobs" / name[:2] / name


def test_everything_is_checked_and_damage_is_found(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        fill(server)
        whole = fsck(server)
        assert whole.returncode == 0, whole.stdout + whole.stderr
        assert "9 parts of objects" in whole.stdout
        assert "2 parts could not be checked: the client keeps its key." in whole.stdout
        assert "Nothing is damaged." in whole.stdout

        altered = blob_of(server, "dsse/large")
        content = bytearray(altered.read_bytes())
        content[len(content) // 2] ^= 1
        altered.write_bytes(content)
        blob_of(server, "sse-s3/large").unlink()
        swapped, other = blob_of(server, "sse-kms/large"), blob_of(server, "bucket-key/large")
        other.write_bytes(swapped.read_bytes())
        server.stop()
        with sqlite3.connect(server.data / "strongroom.db") as connection:
            connection.execute(
                "UPDATE s3_pieces SET inline = substr(inline, 1, length(inline) - 1) WHERE content_id ="
                " (SELECT content_id FROM s3_objects WHERE key = 'sse-kms/small')"
            )

        damaged = fsck(server)
        assert damaged.returncode == 1, damaged.stdout + damaged.stderr
        for key in ("dsse/large", "sse-s3/large", "bucket-key/large", "sse-kms/small"):
            assert f"DAMAGED s3://rooms/{key}, part 1: " in damaged.stdout
        assert "4 parts are damaged or missing." in damaged.stdout
        assert "DAMAGED s3://rooms/sse-kms/large" not in damaged.stdout


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "strongroom.cli", "fsck", "--data", str(tmp_path / "nothing")],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "start" in done.stderr


@pytest.mark.parametrize("argument", ["--bytes", "extra"])
def test_unknown_arguments_are_refused(argument: str) -> None:
    done = subprocess.run([sys.executable, "-m", "strongroom.cli", "fsck", argument], capture_output=True, text=True)
    assert done.returncode != 0
