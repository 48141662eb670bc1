"""`strongroom xks-proxy` as it runs, with Strongroom's own client of such proxies."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from tests.running_server import eventually
from tests.server.xks_proxy.running_proxy import METADATA, RunningProxy, running_proxy
from tests.softhsm import PIN, SoftHsm, made_softhsm

from strongroom.services.kms.key_stores.xks_client import XksClient
from strongroom.services.kms.key_stores.xks_errors import XksProxyError
from strongroom.services.kms.key_stores.xks_protocol import SealedByProxy

T = TypeVar("T")
KEYS = ("--xks-key-ids", "payroll", "--xks-key-ids", "backups")
SECRET = b"a secret data key, thirty bytes"


def asked(client: XksClient, work: Callable[[XksClient], Awaitable[T]]) -> T:
    async def main() -> T:
        try:
            return await work(client)
        finally:
            client.close()

    return asyncio.run(main())


async def encrypt(client: XksClient) -> SealedByProxy:
    return await client.encrypt("payroll", SECRET, b"context", METADATA)


def decrypt(sealed: SealedByProxy) -> Callable[[XksClient], Awaitable[bytes]]:
    return lambda client: client.decrypt("payroll", sealed, b"context", METADATA)


def refusal_of(client: XksClient, work: Callable[[XksClient], Awaitable[object]]) -> str:
    with pytest.raises(XksProxyError) as refusal:
        asked(client, work)
    return refusal.value.name


def complaint(*options: str, environment: dict[str, str] | None = None) -> str:
    """Return the one line with which a proxy refuses to start."""
    command = [sys.executable, "-m", "strongroom.cli", "xks-proxy", "--xks-port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | (environment or {}), timeout=30)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> SoftHsm:
    made = made_softhsm(tmp_path_factory.mktemp("softhsm"))
    made.make_token("external")
    return made


def in_token(hsm: SoftHsm) -> tuple[str, ...]:
    return hsm.options("external", "--xks-pkcs11")


class TestKeyFiles:
    def test_it_serves_and_keeps_its_keys_credential_and_authority(self, tmp_path: Path) -> None:
        with running_proxy(tmp_path / "proxy", *KEYS, "--xks-make-keys") as proxy:
            sealed = asked(proxy.client(), encrypt)
            assert asked(proxy.client(), decrypt(sealed)) == SECRET
            assert asked(proxy.client(), lambda client: client.describe_key("backups", METADATA)).is_enabled
            health = asked(proxy.client(), lambda client: client.health(METADATA))
            assert (health.vendor, health.key_managers) == ("Strongroom", ("ACTIVE",))
            other = refusal_of(proxy.client(), lambda client: client.decrypt("backups", sealed, b"context", METADATA))
            assert other == "InvalidCiphertextException"
            before = proxy.description(), proxy.ca.read_bytes()
            assert proxy.stop() == 0
            proxy.start()
            assert asked(proxy.client(), decrypt(sealed)) == SECRET
            assert (proxy.description().credential, proxy.ca.read_bytes()) == (before[0].credential, before[1])

    def test_nothing_secret_is_readable_by_others_or_logged(self, tmp_path: Path) -> None:
        with running_proxy(tmp_path / "proxy", *KEYS, "--xks-make-keys", "--log-level", "debug") as proxy:
            sealed = asked(proxy.client(), encrypt)
            asked(proxy.client(), decrypt(sealed))
            log = proxy.log.read_text()
            credential = proxy.description().credential
        private = {path.name for path in proxy.directory.rglob("*") if path.is_file() and path.stat().st_mode & 0o077}
        assert private == {"ca.pem"}
        assert b"PRIVATE KEY" not in b"".join(path.read_bytes() for path in (proxy.directory / "tls").iterdir())
        assert METADATA.kms_request_id in log
        assert METADATA.aws_principal_arn is not None
        assert METADATA.aws_principal_arn in log
        keys = [path.read_text().split(":")[2] for path in proxy.directory.rglob("*.key")]
        assert len(keys) == 3
        for secret in (SECRET.decode(), "YSBzZWNyZXQg", credential.secret_access_key, *keys):
            assert secret not in log

    def test_credentials_are_rotated_without_a_pause(self, tmp_path: Path) -> None:
        old, new = tmp_path / "old.json", tmp_path / "new.json"
        for path, letter in ((old, "A"), (new, "B")):
            pair = {"AccessKeyId": letter * 20, "RawSecretAccessKey": letter * 43}
            path.write_text(json.dumps({"XksProxyAuthenticationCredential": pair}))
            path.chmod(0o600)
        files = ("--xks-credential-files", str(old), "--xks-credential-files", str(new))
        with running_proxy(tmp_path / "proxy", *KEYS, "--xks-make-keys", *files) as proxy:
            assert proxy.process is not None
            sealed = asked(proxy.client(old), encrypt)
            assert asked(proxy.client(new), decrypt(sealed)) == SECRET
            client_of_the_old = proxy.client(old)
            old.write_text(new.read_text().replace("B" * 20, "C" * 20))
            proxy.process.send_signal(signal.SIGHUP)
            eventually(10, lambda: "credentials read anew" in proxy.log.read_text())
            assert refusal_of(client_of_the_old, encrypt) == "AuthenticationFailedException"
            assert asked(proxy.client(old), decrypt(sealed)) == SECRET
            new.write_text("damaged")
            proxy.process.send_signal(signal.SIGHUP)
            eventually(10, lambda: "credentials not read anew" in proxy.log.read_text())
            assert asked(proxy.client(old), decrypt(sealed)) == SECRET

    def test_what_an_operator_can_get_wrong(self, tmp_path: Path) -> None:
        directory = ("--xks-directory", str(tmp_path / "proxy"))
        assert "name them with xks-key-ids" in complaint(*directory)
        assert "there is no external key file" in complaint(*directory, "--xks-key-ids", "absent")
        assert "is no external key id" in complaint(*directory, "--xks-key-ids", "../house", "--xks-make-keys")
        with running_proxy(tmp_path / "proxy", *KEYS, "--xks-make-keys") as proxy:
            assert "in use by another server" in complaint(*directory, *KEYS)
        key = proxy.directory / "keys" / "payroll.key"
        key.chmod(0o644)
        assert "is open to others than its owner" in complaint(*directory, *KEYS)
        key.chmod(0o600)
        key.write_text(key.read_text().replace("strongroom-external-key", "strongroom-root-key"))
        assert "does not hold a line strongroom-external-key:v1" in complaint(*directory, *KEYS)


class TestToken:
    def test_it_serves_keys_of_a_token(self, tmp_path: Path, hsm: SoftHsm) -> None:
        options = (*KEYS, "--xks-make-keys", *in_token(hsm))
        with running_proxy(tmp_path / "proxy", *options, environment=hsm.environment) as proxy:
            sealed = asked(proxy.client(), encrypt)
            assert asked(proxy.client(), decrypt(sealed)) == SECRET
            health = asked(proxy.client(), lambda client: client.health(METADATA))
            assert (health.key_manager_vendor, health.key_managers) == ("SoftHSM project", ("ACTIVE",))
            proxy.stop()
            proxy.start()
            assert asked(proxy.client(), decrypt(sealed)) == SECRET
            assert not list(proxy.directory.rglob("*.key"))
            assert PIN not in proxy.log.read_text()

    def test_a_token_that_goes_away_and_comes_back(self, tmp_path: Path, hsm: SoftHsm) -> None:
        options = (*KEYS, "--xks-make-keys", *in_token(hsm))
        with running_proxy(tmp_path / "proxy", *options, environment=hsm.environment) as proxy:
            sealed = asked(proxy.client(), encrypt)
            shutil.move(hsm.tokens, tmp_path / "away")
            try:
                assert refusal_of(proxy.client(), decrypt(sealed)) == "InternalException"
                assert refusal_of(proxy.client(), encrypt) == "InternalException"
                health = asked(proxy.client(), lambda client: client.health(METADATA))
                assert health.key_managers == ("UNAVAILABLE",)
            finally:
                shutil.move(tmp_path / "away", hsm.tokens)
            eventually(10, lambda: works(proxy, sealed))

    def test_a_missing_key_is_not_made_unasked(self, tmp_path: Path, hsm: SoftHsm) -> None:
        options = ("--xks-directory", str(tmp_path / "proxy"), "--xks-key-ids", "absent", *in_token(hsm))
        said = complaint(*options, environment=hsm.environment)
        assert "the PKCS#11 token 'external' has no key labelled 'absent'" in said
        assert "come together" in complaint(*options[:-2], environment=hsm.environment)


def works(proxy: RunningProxy, sealed: SealedByProxy) -> bool:
    try:
        return asked(proxy.client(), decrypt(sealed)) == SECRET
    except XksProxyError:
        return False


def test_a_load_balancer_can_ask_for_health(tmp_path: Path) -> None:
    import ssl

    with running_proxy(tmp_path / "proxy", *KEYS, "--xks-make-keys") as proxy:
        context = ssl.create_default_context(cafile=proxy.ca)
        root = proxy.url.removesuffix("/kms/xks/v1")
        with urllib.request.urlopen(f"{root}/_strongroom/health", context=context, timeout=20) as answer:
            assert json.load(answer)["healthy"] is True
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(f"{root}/_strongroom/metrics", context=context, timeout=20)
        assert refusal.value.code == 403
