"""Every byte that the server leaves on the disk, searched for secrets: plaintexts, key material, keys of all levels."""

import asyncio
import base64
import contextlib
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.faults.secrets_on_disk import content_of, search, secret_parts
from tests.faults.told_by_functions import FUNCTION_KEY_MATERIALS
from tests.faults.told_by_kms import ERASED, KEY_MATERIALS
from tests.faults.told_by_secrets import SECRET_KEY_MATERIALS
from tests.faults.told_parameters import PARAMETER_KEYS
from tests.faults.told_secrets import Secrets, is_code, is_reference, use
from tests.running_server import ROOT_SECRET_ACCESS_KEY, RunningServer

from strongroom.envelope.keyring import Keyring, row_aad
from strongroom.envelope.root.key_file import KeyFileRoot, decode
from strongroom.envelope.sealed import Sealer
from strongroom.operations import tables
from strongroom.server.change_root_key import ROOMS_WITH_TABLES
from strongroom.storage.connection import Connection
from strongroom.storage.store import open_store


def root_key_files(home: Path) -> list[Path]:
    """Return the root keys: below the configuration directory, apart from the data."""
    return sorted((home / "config").rglob("*.key"))


def unsealed(home: Path) -> Secrets:
    """Return every secret of a stopped server, by opening its store with the root key: all keys of all levels."""
    found: Secrets = {}
    roots = [KeyFileRoot.load(path) for path in root_key_files(home)]
    found |= {f"root key {path.stem}": decode(path.read_bytes()) for path in root_key_files(home)}
    assert ROOMS_WITH_TABLES

    def read(connection: Connection) -> None:
        rows = tables.select_storage_keys(connection)
        root = next(root for root in roots if root.fingerprint == rows[0].root_fingerprint)
        for row in rows:
            found[f"storage key {row.number}"] = root.unwrap(row.wrapped, row_aad(row.number, row.created_at))
        sealer = Sealer(Keyring.load(rows, root))
        for column in tables.sealed_columns():
            for row in connection.execute(column.table.select().where(column.is_not(None))).mappings():
                place = column.type.place.format(**row)  # type: ignore[attr-defined]
                found.update(named(place, sealer.open(row[column.name], place)))

    async def main() -> None:
        store = await open_store(f"sqlite:///{home / 'data' / 'strongroom.db'}")
        try:
            await store.read(read)
        finally:
            await store.close()

    asyncio.run(main())
    return found


def named(place: str, opened: bytes) -> Secrets:
    """Return what was sealed in a place, or the parts of it that are secret."""
    if place.startswith("kms_key_materials/"):
        with contextlib.suppress(ValueError):
            return {f"{place}: {part}": value for part, value in secret_parts(opened).items()}
    return {place: opened}


def public_files(home: Path) -> dict[str, bytes]:
    """Return what lies below a server's home and is not the root key itself: data, certificates, log, the rest."""
    keys = {str(path) for path in root_key_files(home)}
    return {name: content for name, content in content_of(home).items() if name not in keys}


def split(found: Secrets) -> tuple[Secrets, list[bytes]]:
    """Part what was unsealed into secrets and audit records, which are sealed too, and may not hold any secret."""
    audit = [zlib.decompress(opened) for place, opened in found.items() if place.startswith("audit_batches/")]
    return {place: opened for place, opened in found.items() if not place.startswith("audit_batches/")}, audit


@pytest.fixture
def used(tmp_path: Path) -> Iterator[tuple[RunningServer, Secrets]]:
    """A server that tells its log as much as it can, after some use, and the secrets that passed through."""
    (tmp_path / "home").mkdir()
    server = RunningServer(tmp_path / "home", options=("--log-level", "debug"))
    try:
        told = use(server, secrets.token_bytes(32))
        await_audit_trail(server)
        yield server, told
    finally:
        server.kill()


def await_audit_trail(server: RunningServer) -> None:
    """Return once the records of all calls so far are written: those of reads follow a moment later, in order."""
    server.client("iam").get_account_summary()
    trail = server.client("cloudtrail")
    last = [{"AttributeKey": "EventName", "AttributeValue": "GetAccountSummary"}]
    end = time.monotonic() + 20
    while not trail.lookup_events(LookupAttributes=last)["Events"]:
        assert time.monotonic() < end, "the audit trail was not written"
        time.sleep(0.5)


KEPT = (
    "a secret access key",
    "an MFA seed",
    "imported key material",
    "imported key material to rotate to",
    "an imported private key, the scalar",
    "the value of /canary/Standard/String",
    "the value of /canary/Advanced/StringList",
)


def search_all(home: Path, snapshot: dict[str, bytes], told: Secrets) -> Secrets:
    """Search a snapshot, and the audit records, for all secrets; return those that were unsealed."""
    kept, audit = split(unsealed(home))
    kinds = {place.partition("/")[0].split(" ")[0] for place in kept}
    assert {"root", "storage", "access_keys", "kms_key_materials", "iam_mfa_devices"} <= kinds
    materials = {place.partition(":")[0] for place in kept if place.startswith("kms_key_materials/")}
    kept_materials = [place for place in materials if not place.endswith("/fingerprint")]
    of_services = PARAMETER_KEYS + SECRET_KEY_MATERIALS + FUNCTION_KEY_MATERIALS
    assert len(kept_materials) == KEY_MATERIALS + of_services
    assert any(ROOT_SECRET_ACCESS_KEY.encode() == opened for opened in kept.values())
    assert {told[name] for name in KEPT} <= set(kept.values())
    assert told[ERASED] not in kept.values()
    every = [*long(told).items(), *kept.items()]
    assert search(snapshot, every) == []
    assert audit
    trail = {"the audit trail": b"\n".join(audit)}
    assert search(trail, [each for each in every if not is_reference(each[0])]) == []
    # The key id of an answer, an error's code: that the trail is of these very calls.
    assert all(operation in trail["the audit trail"] for operation in RECORDED)
    log = {name: content for name, content in snapshot.items() if name.endswith(".log")}
    for name in filter(is_code, told):
        # Six digits are in many a time stamp and in many an id: it is what stands alone that tells.
        alone = re.compile(rb"(?<![0-9A-Za-z.:-])%b(?![0-9A-Za-z])" % told[name])
        assert not any(alone.search(content) for content in (trail | log).values()), name
    return kept


def long(told: Secrets) -> Secrets:
    """Return the secrets that are long enough to be searched for in every byte."""
    return {name: secret for name, secret in told.items() if not is_code(name)}


RECORDED = (
    *(b"CreateAccessKey", b"AssumeRoleWithWebIdentity", b"EnableMFADevice", b"RetireGrant", b"ChangePassword"),
    *(b"ImportKeyMaterial", b"GenerateDataKeyPair", b"DeriveSharedSecret", b"Decapsulate", b"GenerateMac"),
    *(b"PutParameter", b"GetParametersByPath", b"GetParameterHistory"),
    *(b"CreateSecret", b"PutSecretValue", b"GetRandomPassword", b"ReplicateSecretToRegions"),
    *(b"CreateFunction", b"UpdateFunctionConfiguration", b"PublishLayerVersion", b"ListFunctions"),
)


def test_the_search_finds_what_is_there() -> None:
    secret = secrets.token_bytes(40)
    for planted in (
        secret,
        secret[:20],
        secret[::-1],
        secret.hex().encode(),
        secret.hex().upper().encode(),
        base64.b64encode(secret),
        base64.b64encode(b"x" + secret + b"y"),
        base64.urlsafe_b64encode(b"xy" + secret),
        base64.b64encode(secret[::-1]),
    ):
        files = {"innocent": secrets.token_bytes(5_000), "guilty": b"before" + planted + b"after"}
        assert {found.file for found in search(files, [("secret", secret)])} == {"guilty"}
    assert search({"innocent": secrets.token_bytes(100_000)}, [("secret", secret)]) == []


def test_nothing_is_found_after_a_stop(used: tuple[RunningServer, Secrets]) -> None:
    server, told = used
    assert server.stop() == 0
    snapshot = public_files(server.home)
    assert any(name.endswith("strongroom.db") for name in snapshot)
    assert any(name.endswith("server.log") for name in snapshot)
    search_all(server.home, snapshot, told)
    # Opening the store changed nothing of that, and the search would have found what is planted there.
    assert search(public_files(server.home), long(told).items()) == []
    database = server.home / "data" / "strongroom.db"
    database.write_bytes(database.read_bytes() + base64.b64encode(b"." + told["the canary"]))
    assert [found.secret for found in search(public_files(server.home), long(told).items())][:1] == ["the canary"]


def test_nothing_is_found_after_a_kill(used: tuple[RunningServer, Secrets]) -> None:
    server, told = used
    server.kill()
    snapshot = public_files(server.home)
    assert any(name.endswith("-wal") and content for name, content in snapshot.items())
    search_all(server.home, snapshot, told)


def test_nothing_is_found_while_it_runs(used: tuple[RunningServer, Secrets], tmp_path: Path) -> None:
    server, told = used
    snapshot = public_files(server.home)
    server.kill()
    search_all(server.home, snapshot, told)


def test_nothing_is_found_after_a_rekey_and_the_old_storage_key_is_gone(
    used: tuple[RunningServer, Secrets], tmp_path: Path
) -> None:
    server, told = used
    server.stop()
    before = search_all(server.home, public_files(server.home), told)
    done = subprocess.run(
        [sys.executable, "-m", "strongroom.cli", "rekey", "--data", str(server.data)],
        env=os.environ | {"XDG_CONFIG_HOME": str(server.home / "config")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    snapshot = public_files(server.home)
    after = search_all(server.home, snapshot, told)
    assert search(snapshot | {"output": (done.stdout + done.stderr).encode()}, before.items()) == []
    assert not {opened for place, opened in before.items() if place.startswith("storage key")} & set(after.values())
    materials = {place: opened for place, opened in before.items() if place.startswith("kms_key_materials/")}
    assert materials.items() <= after.items()
    server.start()
    assert server.client("kms").list_keys()["Keys"]


def test_what_a_copy_of_the_data_alone_is_worth(used: tuple[RunningServer, Secrets], tmp_path: Path) -> None:
    """Whoever has the data directory, and not the root key, can't start a server on it."""
    server, _ = used
    server.stop()
    shutil.copytree(server.data, tmp_path / "stolen" / "data")
    with pytest.raises(AssertionError, match="no root key file"):
        RunningServer(tmp_path / "stolen")


def test_answers_to_refusals_repeat_no_secret(used: tuple[RunningServer, Secrets]) -> None:
    server, told = used
    kms: Any = server.client("kms")
    canary = told["the canary"]
    with pytest.raises(ClientError) as refused:
        kms.encrypt(KeyId="alias/x", Plaintext=canary * 400)
    answer = str(refused.value).encode() + repr(refused.value.response).encode()
    assert search({"the answer": answer}, long(told).items()) == []
