"""The AWS Encryption CLI, unmodified: a large file there and back, and what must not open."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.clients.installed import LargeFile, installed, sha256_of
from tests.running_server import RunningServer

RECORD = b"the ledger of the north vault\n" * 400


def run(server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the client, quietly, with the settings that any AWS client takes from its environment."""
    return subprocess.run(
        [installed("aws-encryption-cli"), "--suppress-metadata", "--quiet", *arguments],
        env=server.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )


def encrypt(server: RunningServer, key: str, source: Path, target: Path) -> None:
    done = run(
        server,
        *("--encrypt", "--wrapping-keys", f"key={key}", "--encryption-context", "purpose=test", "vault=north"),
        *("--input", str(source), "--output", str(target)),
    )
    assert done.returncode == 0, done.stderr


def decrypt(server: RunningServer, key: str, source: Path, target: Path, *context: str) -> int:
    done = run(
        server,
        *("--decrypt", "--wrapping-keys", f"key={key}", "--encryption-context", *(context or ("purpose=test",))),
        *("--input", str(source), "--output", str(target)),
    )
    assert "Traceback" not in done.stdout
    return done.returncode


def strongroom(server: RunningServer, *arguments: str) -> None:
    done = subprocess.run(
        [installed("strongroom"), *arguments], env=server.environment(), capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def key_arn(kms: Any) -> str:
    arn: str = kms.create_key(Description="for the AWS Encryption CLI")["KeyMetadata"]["Arn"]
    return arn


@pytest.fixture
def message(server: RunningServer, key_arn: str, tmp_path: Path) -> Path:
    """A small encrypted file."""
    source, target = tmp_path / "record", tmp_path / "record.encrypted"
    source.write_bytes(RECORD)
    encrypt(server, key_arn, source, target)
    return target


@pytest.mark.large
def test_a_large_file_goes_there_and_back(
    server: RunningServer, key_arn: str, large_file: LargeFile, tmp_path: Path
) -> None:
    encrypted, decrypted = tmp_path / "encrypted", tmp_path / "decrypted"
    try:
        encrypt(server, key_arn, large_file.path, encrypted)
        assert encrypted.stat().st_size > large_file.path.stat().st_size
        assert decrypt(server, key_arn, encrypted, decrypted, "purpose=test", "vault=north") == 0
        assert sha256_of(decrypted) == large_file.sha256
    finally:
        encrypted.unlink(missing_ok=True)
        decrypted.unlink(missing_ok=True)


def test_a_small_file_goes_there_and_back(server: RunningServer, key_arn: str, message: Path, tmp_path: Path) -> None:
    decrypted = tmp_path / "decrypted"
    assert decrypt(server, key_arn, message, decrypted) == 0
    assert decrypted.read_bytes() == RECORD
    assert RECORD[:30] not in message.read_bytes()


def test_strongroom_and_it_open_each_others_files(
    server: RunningServer, key_arn: str, message: Path, tmp_path: Path
) -> None:
    ours, opened = tmp_path / "ours", tmp_path / "opened"
    strongroom(server, "decrypt", str(message), "--context", "vault=north", "--output", str(opened))
    assert opened.read_bytes() == RECORD
    for option in ("--signature", "--no-signature"):
        strongroom(
            server,
            *("encrypt", "--key", key_arn, "--context", "purpose=test", option, "--force"),
            *(str(opened), "--output", str(ours)),
        )
        assert decrypt(server, key_arn, ours, tmp_path / option) == 0
        assert (tmp_path / option).read_bytes() == RECORD


@pytest.mark.parametrize("place", ["the encrypted data key", "the data", "the signature"])
def test_a_flipped_bit_is_found(server: RunningServer, key_arn: str, message: Path, tmp_path: Path, place: str) -> None:
    content = bytearray(message.read_bytes())
    # The encrypted data key follows the key's ARN in the message header.
    behind_arn = content.index(key_arn.encode()) + len(key_arn)
    position = {"the encrypted data key": behind_arn + 60, "the data": len(content) // 2, "the signature": -3}[place]
    content[position] ^= 0x10
    message.write_bytes(content)
    decrypted = tmp_path / "decrypted"
    assert decrypt(server, key_arn, message, decrypted) != 0
    assert not decrypted.exists() or decrypted.read_bytes() != RECORD


def test_another_encryption_context_is_refused(
    server: RunningServer, key_arn: str, message: Path, tmp_path: Path
) -> None:
    decrypted = tmp_path / "decrypted"
    # The client itself skips a message that does not say what was asked for.
    decrypt(server, key_arn, message, decrypted, "vault=south")
    assert not decrypted.exists()
    # A message altered to say it meets the server, which bound the data key to the context.
    message.write_bytes(message.read_bytes().replace(b"north", b"south"))
    assert decrypt(server, key_arn, message, decrypted, "vault=south") != 0
    assert not decrypted.exists() or not decrypted.read_bytes()


def test_a_disabled_key_opens_nothing_until_it_is_enabled_again(
    server: RunningServer, kms: Any, key_arn: str, message: Path, tmp_path: Path
) -> None:
    decrypted = tmp_path / "decrypted"
    kms.disable_key(KeyId=key_arn)
    assert decrypt(server, key_arn, message, decrypted) != 0
    assert not decrypted.exists()
    kms.enable_key(KeyId=key_arn)
    assert decrypt(server, key_arn, message, decrypted) == 0
    assert decrypted.read_bytes() == RECORD


def test_another_key_opens_nothing(server: RunningServer, kms: Any, message: Path, tmp_path: Path) -> None:
    other = kms.create_key()["KeyMetadata"]["Arn"]
    assert decrypt(server, other, message, tmp_path / "decrypted") != 0
