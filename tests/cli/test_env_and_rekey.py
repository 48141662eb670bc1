"""`strongroom env` and `strongroom rekey` on a real store."""

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.running_server import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, RunningServer, running_server

from strongroom.cli.env import as_shell

AWS = Path(sys.executable).parent / "aws"


def strongroom(server: RunningServer, *arguments: str, status: int = 0) -> str:
    environment = server.environment() | {"XDG_CONFIG_HOME": str(server.home / "config")}
    command = [sys.executable, "-m", "strongroom.cli", arguments[0], "--data", str(server.data), *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def test_json_has_every_variable(server: RunningServer) -> None:
    assert json.loads(strongroom(server, "env", "--format", "json")) == {
        "AWS_ENDPOINT_URL": server.https,
        "AWS_ACCESS_KEY_ID": ROOT_ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": ROOT_SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CA_BUNDLE": str(server.ca_bundle),
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "STRONGROOM_HTTP_ENDPOINT_URL": server.http,
        "STRONGROOM_ACCOUNT_ID": "000000000000",
    }


def test_a_shell_that_evaluates_it_reaches_the_server(server: RunningServer, tmp_path: Path) -> None:
    lines = strongroom(server, "env")
    assert all(line.startswith("export ") for line in lines.splitlines())
    script = f"export AWS_ENDPOINT_URL=http://127.0.0.1:1\n{lines}\n{shlex.quote(str(AWS))} kms list-keys"
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Keys" in json.loads(done.stdout)


def test_a_profile_that_is_pasted_reaches_the_server(server: RunningServer, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(strongroom(server, "env", "--format", "profile"))
    done = subprocess.run(
        [AWS, "--profile", "strongroom", "kms", "list-keys"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"AWS_CONFIG_FILE": str(config), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr


def test_shell_lines_are_quoted_and_undo_what_would_lead_elsewhere() -> None:
    variables = {"AWS_SECRET_ACCESS_KEY": "it's; $(rm -rf ~)\n"}
    environment = {"AWS_SESSION_TOKEN": "x", "AWS_PROFILE": "x", "AWS_ENDPOINT_URL_KMS": "x", "PATH": "x"}
    text = as_shell(variables, environment)
    script = (
        f'{text}\nprintf %s "$AWS_SECRET_ACCESS_KEY"; printf %s "$AWS_SESSION_TOKEN$AWS_PROFILE$AWS_ENDPOINT_URL_KMS"'
    )
    done = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, env=environment | {"PATH": "/usr/bin:/bin"}
    )
    assert done.stdout == "it's; $(rm -rf ~)\n"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningServer]:
    with running_server(tmp_path) as server:
        yield server


def test_env_works_while_the_server_is_down_and_only_with_the_root_key(own: RunningServer) -> None:
    own.stop()
    assert ROOT_SECRET_ACCESS_KEY in strongroom(own, "env")
    shutil.move(own.home / "config", own.home / "elsewhere")
    complaint = strongroom(own, "env", status=2)
    assert "root key" in complaint
    assert complaint.count("\n") == 1
    assert not list((own.home / "config").rglob("*.key")), "a lost root key must not be made anew"


def test_env_finds_the_root_key_file_that_the_server_was_told(tmp_path: Path) -> None:
    options = ("--root-key-file", str(tmp_path / "elsewhere.key"))
    with running_server(tmp_path, options=options) as own:
        assert json.loads(strongroom(own, "env", "--format", "json"))["AWS_ACCESS_KEY_ID"] == ROOT_ACCESS_KEY_ID
        assert not (tmp_path / "config" / "strongroom" / "root-keys").exists()


def test_rekey_puts_another_root_key_in_force(own: RunningServer) -> None:
    kms = own.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"kept")["CiphertextBlob"]
    authority = own.ca_bundle.read_bytes()
    assert "in use by another server" in strongroom(own, "rekey", status=2)
    own.stop()
    (old_key,) = (own.home / "config").rglob("*.key")
    told = strongroom(own, "rekey")
    assert "root key is now key-file:" in told
    assert str(old_key) in told
    old_key.unlink()
    own.start()
    assert own.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
    assert own.ca_bundle.read_bytes() == authority


def test_rekey_moves_between_passphrase_and_key_file(own: RunningServer, tmp_path: Path) -> None:
    key_id = own.client("kms").create_key()["KeyMetadata"]["KeyId"]
    own.stop()
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse battery staple\n")
    assert "new passphrase" in strongroom(own, "rekey", "--new-root-key-passphrase-file", str(passphrase))
    assert "comes from a passphrase" in strongroom(own, "env", status=2)
    with_passphrase = ("--root-key-passphrase-file", str(passphrase))
    assert ROOT_SECRET_ACCESS_KEY in strongroom(own, "env", *with_passphrase)
    new_key = tmp_path / "new.key"
    told = strongroom(own, "rekey", *with_passphrase, "--new-root-key-file", str(new_key))
    assert f"--root-key-file {new_key}" in told
    assert "exists already" in strongroom(
        own, "rekey", "--root-key-file", str(new_key), "--new-root-key-file", str(new_key), status=2
    )
    with running_server(own.home, options=("--root-key-file", str(new_key))) as server:
        assert server.client("kms").describe_key(KeyId=key_id)["KeyMetadata"]["Enabled"]


def test_a_wrong_passphrase_opens_nothing(own: RunningServer, tmp_path: Path) -> None:
    own.stop()
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse battery staple")
    wrong.write_text("incorrect horse battery staple")
    strongroom(own, "rekey", "--new-root-key-passphrase-file", str(right))
    assert "the passphrase is wrong" in strongroom(own, "env", "--root-key-passphrase-file", str(wrong), status=2)
    assert "at least" in strongroom(
        own, "rekey", "--root-key-passphrase-file", str(right), "--new-root-key-passphrase", "short", status=2
    )
