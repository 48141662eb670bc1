"""`strongroom serve`, `env` and `rekey` with the root key in a PKCS#11 token."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.running_server import ROOT_SECRET_ACCESS_KEY, RunningServer, running_server
from tests.softhsm import PIN, SoftHsm, made_softhsm

TOKEN = "root"


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> SoftHsm:
    made = made_softhsm(tmp_path_factory.mktemp("softhsm"))
    made.make_token(TOKEN)
    made.make_token("second")
    return made


@pytest.fixture
def own(tmp_path: Path, hsm: SoftHsm) -> Iterator[RunningServer]:
    """A server whose root key is in the token."""
    with running_server(tmp_path, options=hsm.options(TOKEN), environment=hsm.environment) as server:
        yield server


def strongroom(hsm: SoftHsm, server: RunningServer, *arguments: str, status: int = 0) -> str:
    environment = os.environ | hsm.environment | {"XDG_CONFIG_HOME": str(server.home / "config")}
    command = [sys.executable, "-m", "strongroom.cli", arguments[0], "--data", str(server.data), *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30)
    assert done.returncode == status, done.stdout + done.stderr
    if status != 0:
        assert done.stderr.count("\n") == 1, "one clear line"
        assert PIN not in done.stderr
    return done.stdout if status == 0 else done.stderr


def test_what_was_encrypted_is_readable_after_a_restart(own: RunningServer, hsm: SoftHsm) -> None:
    kms = own.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"kept")["CiphertextBlob"]
    own.kill()
    own.start()
    assert own.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
    assert not list((own.home / "config").rglob("*.key")), "the root key is in no file"
    assert ROOT_SECRET_ACCESS_KEY in strongroom(hsm, own, "env", *hsm.options(TOKEN))
    assert PIN not in own.log.read_text()


def test_the_server_does_not_hold_the_token_while_it_runs(own: RunningServer, hsm: SoftHsm, tmp_path: Path) -> None:
    kms = own.client("kms")
    shutil.move(hsm.tokens, tmp_path / "away")
    try:
        assert kms.create_key()["KeyMetadata"]["Enabled"]
    finally:
        shutil.move(tmp_path / "away", hsm.tokens)


def test_a_complaint_is_one_line(own: RunningServer, hsm: SoftHsm, tmp_path: Path) -> None:
    own.stop()
    assert "is in a PKCS#11 token: give root-key-pkcs11-module" in strongroom(hsm, own, "serve", status=2)
    wrong_pin = tmp_path / "wrong-pin"
    wrong_pin.write_text("not the pin")
    wrong_pin.chmod(0o600)
    options = (*hsm.options(TOKEN)[:4], "--root-key-pkcs11-pin-file", str(wrong_pin))
    assert "refuses the PIN" in strongroom(hsm, own, "serve", *options, status=2)
    own.start()


def test_rekey_moves_into_a_token_and_out_of_it(tmp_path: Path, hsm: SoftHsm) -> None:
    with running_server(tmp_path) as server:
        kms = server.client("kms")
        key_id = kms.create_key()["KeyMetadata"]["KeyId"]
        blob = kms.encrypt(KeyId=key_id, Plaintext=b"kept")["CiphertextBlob"]
        server.stop()
        told = strongroom(hsm, server, "rekey", *hsm.options(TOKEN, "--new-root-key-pkcs11"))
        assert "root key is now pkcs11:" in told
        assert f"--root-key-pkcs11-token {TOKEN}" in told
        (old_key,) = (server.home / "config").rglob("*.key")
        old_key.unlink()
        assert "is in a PKCS#11 token" in strongroom(hsm, server, "env", status=2)

        told = strongroom(hsm, server, "rekey", *hsm.options(TOKEN), *hsm.options("second", "--new-root-key-pkcs11"))
        assert f"pkcs11:token={TOKEN};id=%" in told, "where the old key is"
        assert "has no such key" in strongroom(hsm, server, "env", *hsm.options(TOKEN), status=2)
        told = strongroom(hsm, server, "rekey", *hsm.options("second"), *hsm.options("second", "--new-root-key-pkcs11"))
        told = strongroom(hsm, server, "rekey", *hsm.options("second"))
        assert "root key is now key-file:" in told
        assert "pkcs11:token=second;" in told
        server.start()
        assert server.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"


def test_rekey_takes_one_new_root_key_whole(own: RunningServer, hsm: SoftHsm) -> None:
    own.stop()
    old, new = hsm.options(TOKEN), hsm.options("second", "--new-root-key-pkcs11")
    assert "come together" in strongroom(hsm, own, "rekey", *old, *new[:2], status=2)
    file = ("--new-root-key-file", str(own.home / "new.key"))
    assert "choose one new root key" in strongroom(hsm, own, "rekey", *old, *new, *file, status=2)
    both = ("--new-root-key-pkcs11-key-label", "a", "--new-root-key-pkcs11-key-id", "00")
    assert "choose one of" in strongroom(hsm, own, "rekey", *old, *new, *both, status=2)
