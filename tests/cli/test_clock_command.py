"""`strongroom clock`: time moves while the server runs, everything that ages follows it, and signatures do not care."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cli.operators_command import strongroom
from tests.running_server import RunningServer, eventually, running_server
from tests.services.refusals import refused

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("moved"), options=("--test-clock",)) as running:
        yield running


def ahead(server: RunningServer) -> timedelta:
    """Return how far ahead the server says that it is, of a key that it makes."""
    created: datetime = server.client("kms").create_key()["KeyMetadata"]["CreationDate"]
    return created - datetime.now(UTC)


def document(effect: str, action: str, **members: Any) -> str:
    statement = {"Effect": effect, "Action": action, **members}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def is_gone(kms: Any, key_id: str) -> bool:
    try:
        kms.describe_key(KeyId=key_id)
    except kms.exceptions.NotFoundException:
        return True
    return False


def role_session(server: RunningServer, name: str) -> Any:
    iam = server.client("iam")
    trust = document("Allow", "sts:AssumeRole", Principal={"AWS": "000000000000"})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    user = iam.create_user(UserName=name)["User"]["UserName"]
    keys = iam.create_access_key(UserName=user)["AccessKey"]
    iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=document("Allow", "*", Resource="*"))
    sts = server.client("sts", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"])
    return sts.assume_role(RoleArn=arn, RoleSessionName="aging", DurationSeconds=3600)["Credentials"]


def test_what_ages_follows_the_clock_and_it_survives(moved: RunningServer) -> None:
    assert abs(ahead(moved)) < timedelta(minutes=1)
    assert strongroom(moved, "clock", "show").endswith("(the real time)\n")
    kms = moved.client("kms")
    key_id = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.enable_key_rotation(KeyId=key_id, RotationPeriodInDays=90)
    doomed = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=doomed, PendingWindowInDays=7)
    sealed = kms.encrypt(KeyId=key_id, Plaintext=b"before")["CiphertextBlob"]
    given = role_session(moved, "ager")
    session = moved.client(
        "sts",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    session.get_caller_identity()

    assert "30 days, 0:00:00 ahead" in strongroom(moved, "clock", "advance", "30d")
    # The very next requests see it: no restart, and no waiting.
    assert abs(ahead(moved) - 30 * DAY) < timedelta(minutes=1)
    with refused("ExpiredToken"):
        session.get_caller_identity()
    eventually(10, lambda: is_gone(kms, doomed))
    strongroom(moved, "clock", "advance", "1w6d23h60m")
    assert "44 days, 0:00:00 ahead" in strongroom(moved, "clock")
    strongroom(moved, "clock", "advance", "50d")
    eventually(10, lambda: kms.list_key_rotations(KeyId=key_id)["Rotations"])
    (rotation,) = kms.list_key_rotations(KeyId=key_id)["Rotations"]
    assert rotation["RotationType"] == "AUTOMATIC"
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"before"

    moved.kill()
    moved.start()
    assert abs(ahead(moved) - 94 * DAY) < timedelta(minutes=1)
    assert moved.client("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"before"


def test_what_is_no_duration(moved: RunningServer) -> None:
    for wrong in ("", "30", "d", "1y", "1d 2h", "1e9d", "9999999999d"):
        assert "no duration" in strongroom(moved, "clock", "advance", wrong, status=2)
    assert "at most" in strongroom(moved, "clock", "advance", "999999d", status=2)


def test_a_server_without_the_option_keeps_its_time(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        refusal = strongroom(server, "clock", "advance", "1d", status=2)
        assert "not started with --test-clock" in refusal
        assert strongroom(server, "clock", "show").endswith("(the real time)\n")
        assert not (server.data / "clock.json").exists()


def test_a_moved_directory_is_not_served_without_the_option(moved: RunningServer) -> None:
    strongroom(moved, "clock", "advance", "1d")
    moved.stop()
    options, moved._options = moved._options, ()
    try:
        with pytest.raises(AssertionError, match="time would run backwards"):
            moved.start()
    finally:
        if moved.process is not None and moved.process.stdout is not None:
            moved.process.wait(10)
            moved.process.stdout.close()
        moved._options = options
        moved.start()


def test_a_damaged_file_is_no_time(moved: RunningServer) -> None:
    strongroom(moved, "clock", "advance", "1d")
    before = (moved.data / "clock.json").read_bytes()
    moved.stop()
    try:
        for damaged in (b"", b"{}", b'{"ahead_seconds": -1}', b'{"ahead_seconds": NaN}', b'{"ahead_seconds": 1e300}'):
            (moved.data / "clock.json").write_bytes(damaged)
            assert "does not tell" in strongroom(moved, "clock", "show", status=2)
    finally:
        (moved.data / "clock.json").write_bytes(before)
        moved.start()
