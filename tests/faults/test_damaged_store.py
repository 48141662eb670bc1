"""Data that was damaged, altered or moved while the server was down: it says so, or says no, and never makes do."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.faults.plain_client import PlainClient
from tests.running_server import ROOT_SECRET_ACCESS_KEY, RunningServer, running_server

LAST_BYTE_CHANGED = (
    "cast(substr({0}, 1, length({0}) - 1) || case when substr({0}, -1) = x'00' then x'01' else x'00' end as blob)"
)


class Store(NamedTuple):
    """A stopped server's home, with two keys and a ciphertext of the first."""

    home: Path
    keys: tuple[str, str]
    blob: str

    @property
    def data(self) -> Path:
        return self.home / "data"

    def sql(self, statement: str) -> None:
        """Change the database behind the server's back."""
        with contextlib.closing(sqlite3.connect(self.data / "strongroom.db")) as database:
            changed = database.execute(statement).rowcount
            database.commit()
        assert changed > 0

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `strongroom` on this data."""
        return subprocess.run(
            [sys.executable, "-m", "strongroom.cli", *arguments, "--data", str(self.data)],
            env=os.environ | {"XDG_CONFIG_HOME": str(self.home / "config")},
            capture_output=True,
            text=True,
            timeout=30,
        )


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Store:
    home = tmp_path_factory.mktemp("store")
    with running_server(home) as server:
        client = PlainClient(server)
        first, second = (client.kms("CreateKey", {}).json["KeyMetadata"]["KeyId"] for _ in range(2))
        blob = client.kms("Encrypt", {"KeyId": first, "Plaintext": "eA=="}).json["CiphertextBlob"]
        client.close()
        assert server.stop() == 0
    return Store(home, (first, second), blob)


@pytest.fixture
def store(original: Store, tmp_path: Path) -> Store:
    """A copy to damage."""
    home = tmp_path / "copy"
    shutil.copytree(original.home, home)
    return original._replace(home=home)


@contextlib.contextmanager
def serving(store: Store) -> Iterator[tuple[RunningServer, PlainClient]]:
    with running_server(store.home) as server:
        client = PlainClient(server)
        yield server, client
        client.close()


DAMAGES: dict[str, tuple[Callable[[Store], object], str]] = {
    "a storage key": (
        lambda store: store.sql(f"update storage_keys set wrapped = {LAST_BYTE_CHANGED.format('wrapped')}"),
        "altered or damaged",
    ),
    "the time of a storage key": (
        lambda store: store.sql("update storage_keys set created_at = created_at + 1"),
        "altered or damaged",
    ),
    "another root key's fingerprint": (
        lambda store: store.sql("update storage_keys set root_fingerprint = 'key-file:00'"),
        "expected fingerprint key-file:00",
    ),
    "no storage keys": (lambda store: store.sql("delete from storage_keys"), ""),
    "the certificate authority": (
        lambda store: store.sql(f"update tls_authorities set sealed = {LAST_BYTE_CHANGED.format('sealed')}"),
        "the seal is broken at tls_authorities/local",
    ),
    "the schema of a later version": (
        lambda store: store.sql("update alembic_version set version_num = '9999'"),
        "newer Strongroom",
    ),
    "half a database": (
        lambda store: os.truncate(store.data / "strongroom.db", 5_000),
        "strongroom.db: database disk image is malformed",
    ),
    "no database at all": (
        lambda store: (store.data / "strongroom.db").write_bytes(b"nothing of the kind\n" * 1_000),
        "strongroom.db: file is not a database",
    ),
    "the id of the store": (lambda store: (store.data / "store-id").write_text("x"), "store-id is damaged"),
    "the id of another store": (
        lambda store: (store.data / "store-id").write_text("0" * 32),
        "no root key file",
    ),
}


@pytest.mark.parametrize(("damage", "complaint"), DAMAGES.values(), ids=DAMAGES.keys())
def test_what_is_needed_to_start(store: Store, damage: Callable[[Store], object], complaint: str) -> None:
    damage(store)
    done = store.run("serve", "--https-port", "0", "--http-port", "0")
    assert done.returncode == 2, done
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("strongroom: ")
    assert complaint in done.stderr


def test_an_altered_secret_access_key_signs_nothing(store: Store) -> None:
    store.sql(f"update access_keys set sealed = {LAST_BYTE_CHANGED.format('sealed')}")
    with serving(store) as (_, client):
        answer = client.kms("ListKeys", {})
        assert (answer.status, answer.code) == (500, "InternalFailure")
        assert ROOT_SECRET_ACCESS_KEY.encode() not in answer.body


@pytest.mark.parametrize("move", [False, True], ids=["altered", "moved"])
def test_key_material_serves_only_as_it_was_and_where_it_was(store: Store, move: bool) -> None:
    """Material that was altered, or put in the place of another key's, opens and encrypts nothing; others go on."""
    first, second = store.keys
    new = f"(select sealed from kms_key_materials where key_id = '{second}')" if move else "zeroblob(length(sealed))"
    store.sql(f"update kms_key_materials set sealed = {new} where key_id = '{first}'")
    with serving(store) as (server, client):
        for operation, params in (
            ("Encrypt", {"KeyId": first, "Plaintext": "eA=="}),
            ("Decrypt", {"CiphertextBlob": store.blob}),
            ("GenerateDataKey", {"KeyId": first, "KeySpec": "AES_256"}),
        ):
            answer = client.kms(operation, params)
            assert (answer.status, answer.code) in ((500, "InternalFailure"), (500, "KMSInternalException"))
        assert client.kms("Encrypt", {"KeyId": second, "Plaintext": "eA=="}).status == 200
        assert "SealBroken" in server.log.read_text()


def test_rekey_changes_nothing_when_a_value_does_not_open(store: Store) -> None:
    first, second = store.keys
    store.sql(f"update kms_key_materials set sealed = zeroblob(length(sealed)) where key_id = '{second}'")
    done = store.run("rekey")
    assert done.returncode == 2, done
    assert "nothing was changed" in done.stderr
    with serving(store) as (_, client):
        assert client.kms("Decrypt", {"CiphertextBlob": store.blob}).json["Plaintext"] == "eA=="
        assert client.kms("Encrypt", {"KeyId": first, "Plaintext": "eA=="}).status == 200
