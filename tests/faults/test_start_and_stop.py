"""Starting, on data that is there and on data that can't be opened; stopping, with calls in flight."""

import http.client
import os
import re
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from tests.faults.plain_client import PlainClient
from tests.running_server import RunningServer, running_server

READY_SECONDS_MAX = 1.5
IDLE_MEBIBYTES_MAX = 120


def resident_mebibytes(server: RunningServer) -> float:
    """Return how much memory a server's process has."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def processor_seconds(server: RunningServer) -> float:
    """Return how much of the processor's time a server's process has had until now."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def failed_start(home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Start a server that is expected to refuse to, with the home's own configuration directory."""
    arguments = ["serve", "--data", str(home / "data"), "--https-port", "0", "--http-port", "0"]
    return subprocess.run(
        [sys.executable, "-m", "strongroom.cli", *arguments],
        env=os.environ | {"XDG_CONFIG_HOME": str(home / "config")} | variables,
        capture_output=True,
        text=True,
        timeout=30,
    )


def assert_one_clear_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Assert that a command said one line about what the operator must mend, and nothing else."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("strongroom: ")
    for word in words:
        assert word in lines[0]


def test_it_is_ready_soon_and_small_on_data_that_is_there(tmp_path: Path, record_property: Any) -> None:
    with running_server(tmp_path) as server:
        client = PlainClient(server)
        for number in range(200):
            assert client.kms("CreateKey", {"Description": f"key {number}"}).status == 200
        client.close()
        assert server.stop() == 0
        seconds = []
        for _ in range(3):
            server.start()
            # Of the processor: how long that takes by the clock is the rest of the machine's business too.
            seconds.append(processor_seconds(server))
            time.sleep(0.2)
            idle = resident_mebibytes(server)
            assert len(server.client("kms").list_keys()["Keys"]) == 100
            assert server.stop() == 0
        record_property("ready_seconds", min(seconds))
        record_property("idle_mebibytes", idle)
        print(f"ready after {min(seconds):.2f} s of the processor at best, {max(seconds):.2f} at worst; {idle:.0f} MiB")
        assert min(seconds) < READY_SECONDS_MAX
        assert idle < IDLE_MEBIBYTES_MAX


def test_sigterm_under_load_loses_no_acknowledged_call(tmp_path: Path) -> None:
    keys: list[str] = []
    ciphertexts: list[tuple[bytes, str]] = []
    failures: list[Any] = []

    def load(server: RunningServer, number: int) -> None:
        client = PlainClient(server, secure=number % 2 == 0)
        try:
            for turn in range(100_000):
                if turn % 4 == 0:
                    answer = client.kms("CreateKey", {})
                    if answer.status == 200:
                        keys.append(answer.json["KeyMetadata"]["KeyId"])
                else:
                    plaintext = os.urandom(20)
                    params = {"KeyId": keys[0], "Plaintext": b64encode(plaintext).decode()}
                    answer = client.kms("Encrypt", params)
                    if answer.status == 200:
                        ciphertexts.append((plaintext, answer.json["CiphertextBlob"]))
                # While it drains, it may turn calls away, and that is all.
                if answer.status not in (200, 503):
                    failures.append(answer)
        except (OSError, http.client.HTTPException):
            client.close()
        except BaseException as failure:
            failures.append(failure)
            raise

    with running_server(tmp_path) as server:
        threads = [threading.Thread(target=load, args=(server, number)) for number in range(5)]
        for thread in threads:
            thread.start()
        end = time.monotonic() + 30
        while len(keys) <= 20 and time.monotonic() < end:
            time.sleep(0.05)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        for thread in threads:
            thread.join(timeout=30)
        assert failures == []
        assert len(keys) > 20
        server.start()
        client = PlainClient(server)
        for key_id in keys:
            assert client.kms("DescribeKey", {"KeyId": key_id}).status == 200
        for plaintext, blob in ciphertexts:
            answer = client.kms("Decrypt", {"CiphertextBlob": blob})
            assert b64decode(answer.json["Plaintext"]) == plaintext
        client.close()
    log = server.log.read_text()
    assert "request failed" not in log
    assert "Traceback" not in log


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The home of a server that ran and was stopped."""
    with running_server(tmp_path) as server:
        server.client("kms").create_key()
        assert server.stop() == 0
    return tmp_path


def test_without_its_root_key_file_it_refuses_to_start(stopped: Path) -> None:
    [key_file] = (stopped / "config").rglob("*.key")
    before = {path: path.read_bytes() for path in (stopped / "data").rglob("*") if path.is_file()}
    content = key_file.read_bytes()
    key_file.unlink()
    assert_one_clear_line(failed_start(stopped), str(key_file), "no root key file")
    assert not key_file.exists(), "another root key in its place would only hide the loss"
    mistyped = b"0" if content[40:41] != b"0" else b"1"
    key_file.write_bytes(content[:40] + mistyped + content[41:])
    key_file.chmod(0o600)
    assert_one_clear_line(failed_start(stopped), str(key_file), "checksum")
    key_file.write_bytes(content)
    key_file.chmod(0o644)
    assert_one_clear_line(failed_start(stopped), str(key_file), "chmod 600")
    database = stopped / "data" / "strongroom.db"
    assert database.read_bytes() == before[database]


def test_with_a_passphrase_in_place_of_its_key_file_it_refuses_to_start(stopped: Path) -> None:
    done = failed_start(stopped, STRONGROOM_ROOT_KEY_PASSPHRASE="correct horse battery staple")
    assert_one_clear_line(done, "root key")
    assert "correct horse" not in done.stderr


def test_with_a_wrong_passphrase_it_refuses_to_start(tmp_path: Path) -> None:
    right = {"STRONGROOM_ROOT_KEY_PASSPHRASE": "correct horse battery staple"}
    with running_server(tmp_path, environment=right) as server:
        key_id = server.client("kms").create_key()["KeyMetadata"]["KeyId"]
        assert server.stop() == 0
        assert not list((tmp_path / "config").rglob("*.key"))
        wrong = failed_start(tmp_path, STRONGROOM_ROOT_KEY_PASSPHRASE="incorrect horse battery staple")
        assert_one_clear_line(wrong, "passphrase is wrong")
        assert "horse" not in wrong.stderr
        assert_one_clear_line(failed_start(tmp_path), "passphrase")
        server.start()
        assert server.client("kms").describe_key(KeyId=key_id)
