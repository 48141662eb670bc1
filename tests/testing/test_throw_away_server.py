"""A server for other people's tests: it starts, is told what to do by its owner only, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from tests.running_server import eventually

from strongroom.testing import TestServerError, ThrowAwayServer
from strongroom.testing.errors import SERVER_EXTRA_MISSING
from strongroom.testing.supply import ServerSupply

_ORPHAN = """
import os, sys
from strongroom.testing import ThrowAwayServer
server = ThrowAwayServer()
server.start()
server.client("kms").create_key()
print(server.data, server._channel._process.pid, flush=True)
sys.stdin.readline()
"""

_JUST_START = """
from strongroom.testing import ThrowAwayServer
with ThrowAwayServer():
    pass
"""


@pytest.fixture(scope="module")
def server() -> Iterator[ThrowAwayServer]:
    with ThrowAwayServer(region="eu-west-1") as running:
        yield running


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def test_clients_find_it_and_its_options_are_those_of_serve(server: ThrowAwayServer) -> None:
    key = server.client("kms").create_key()["KeyMetadata"]
    assert key["Arn"].startswith("arn:aws:kms:eu-west-1:000000000000:key/")
    assert server.session().client("sts").get_caller_identity()["Account"] == "000000000000"
    assert server.endpoint_url.startswith("https://")
    assert server.http_endpoint_url.startswith("http://")
    assert "BEGIN CERTIFICATE" in Path(server.ca_bundle).read_text()
    server.session().resource("s3").create_bucket(
        Bucket="by-resource", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    assert [one["Name"] for one in server.client("s3").list_buckets()["Buckets"]] == ["by-resource"]


def test_no_setting_of_the_person_sends_clients_elsewhere(
    server: ThrowAwayServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.invalid")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "https://elsewhere.invalid")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.setenv("AWS_PROFILE", "of-work")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASOMEBODYELSE0000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    monkeypatch.setenv("AWS_CA_BUNDLE", os.devnull)
    account = server.make_account()
    assert account.client("ssm").describe_parameters()["Parameters"] == []
    with account.in_force():
        assert boto3.client("sts").get_caller_identity()["Account"] == account.account_id
        assert boto3.Session().client("sts").get_caller_identity()["Account"] == account.account_id
        assert "AWS_ENDPOINT_URL_SSM" not in os.environ
    assert os.environ["AWS_ENDPOINT_URL_SSM"] == "https://elsewhere.invalid"
    assert os.environ["AWS_ACCESS_KEY_ID"] == "AKIASOMEBODYELSE0000"


def test_a_subprocess_gets_there_by_its_environment(server: ThrowAwayServer) -> None:
    account = server.make_account(name="of the command line")

    def answer(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *command], env=account.environment(), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(answer("awscli", "sts", "get-caller-identity"))["Account"] == account.account_id
    assert f"{account.account_id}  of the command line" in answer("strongroom.cli", "accounts", "list")


def test_what_a_running_server_refuses_is_told(server: ThrowAwayServer) -> None:
    with pytest.raises(TestServerError, match="'12' is not an account id"):
        server.make_account("12")
    with pytest.raises(TestServerError, match="exists already"):
        server.make_account("000000000000")
    # And it is asked again as if nothing had been.
    assert server.clock.now() - datetime.now(UTC) < timedelta(minutes=1)


def test_a_server_that_cannot_start_says_why_and_leaves_nothing() -> None:
    for choices, words in (
        ({"region": "nowhere"}, "region 'nowhere' does not look like one"),
        ({"host": "192.0.2.1"}, "cannot listen on 192.0.2.1"),
    ):
        server = ThrowAwayServer(**choices)
        with pytest.raises(TestServerError, match=words):
            server.start()
        assert not server.log.parent.exists()
        with pytest.raises(TestServerError, match="does not run"):
            server.client("kms")


def fail_to_start(_: ThrowAwayServer) -> None:
    raise TestServerError("no room")


def test_every_test_is_told_why_there_is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ThrowAwayServer, "start", fail_to_start)
    supply = ServerSupply()
    for _ in range(2):
        with pytest.raises(TestServerError, match="no room"), supply.for_test():
            pytest.fail("there is none")
    supply.close()


def test_after_an_interruption_nobody_gets_the_answer_to_another_question(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def readline(self) -> bytes:
            raise KeyboardInterrupt

    supply = ServerSupply()
    with supply.for_test() as account:
        with monkeypatch.context() as patch:
            patch.setattr(account.clock._channel, "_lines", Interrupted())
            with pytest.raises(KeyboardInterrupt):
                account.clock.now()
        with pytest.raises(TestServerError, match="has ended"):
            account.clock.now()
    # The next test gets another server.
    monkeypatch.setattr(ThrowAwayServer, "start", fail_to_start)
    with pytest.raises(TestServerError, match="no room"), supply.for_test():
        pytest.fail("it is the same one")
    supply.close()


def test_the_root_key_is_apart_from_the_data(server: ThrowAwayServer) -> None:
    key = Path(json.loads((server.data / "endpoint.json").read_text())["root_key_file"])
    assert key.stat().st_mode & 0o077 == 0
    assert key.parent.stat().st_mode & 0o077 == 0
    assert server.log.parent not in key.parents


def test_what_it_has_acknowledged_survives_its_end_where_the_data_are_kept(tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("correct horse")
    kept = {"data": tmp_path / "data", "root_key_passphrase_file": passphrase, "tls_names": ("strongroom.test",)}
    with ThrowAwayServer(**kept) as server:
        key_id = server.client("kms").create_key()["KeyMetadata"]["KeyId"]
        assert not is_running(server.kill())
        with pytest.raises(TestServerError, match="has ended"):
            server.make_account()
    with ThrowAwayServer(**kept, test_clock=False) as server:
        assert server.client("kms").list_keys()["Keys"][0]["KeyId"] == key_id
        with pytest.raises(TestServerError, match="cannot be moved"):
            server.clock.advance(days=1)
        with pytest.raises(ValueError, match="forward only"):
            server.clock.advance(days=-1)
        home = server.log.parent
        assert home.is_dir()
    assert not home.exists()


def test_it_ends_with_the_tests_that_were_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _ORPHAN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout is not None
        data, process_id = tests.stdout.readline().split()
        assert is_running(int(process_id))
        tests.send_signal(signal.SIGKILL)
    eventually(20, lambda: not is_running(int(process_id)))
    assert not Path(data).parent.exists()


@pytest.mark.parametrize("missing", ["boto3", "uvloop"])
def test_where_the_server_is_not_installed_it_says_what_to_install(missing: str, tmp_path: Path) -> None:
    # What stands in for a package that is not there, in the tests' process and in the server's.
    (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError('no', name={missing!r})")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-c", _JUST_START]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert f"TestServerError: {SERVER_EXTRA_MISSING} ({missing} is missing)" in done.stderr
    assert "pip install 'strongroom[server]'" in SERVER_EXTRA_MISSING
