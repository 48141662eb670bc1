"""Secrets Manager through unmodified clients: the AWS CLI, and AWS's caching library for Python."""

import base64
import time
import uuid
from typing import Any

from aws_secretsmanager_caching import InjectKeywordedSecretString, SecretCache, SecretCacheConfig
from tests.clients.shell import Shell
from tests.running_server import RunningServer


def test_a_secret_in_a_shell(shell: Shell) -> None:
    name = f"shell/{uuid.uuid4()}"
    (shell.home / "file").write_bytes(bytes(range(256)))
    script = f"""
        aws secretsmanager create-secret --name {name} --description 'from a shell' \\
            --secret-string '{{"user":"ann"}}' --tags Key=team,Value=blue > made
        aws secretsmanager update-secret --secret-id {name} --secret-string '{{"user":"bob"}}' > updated
        aws secretsmanager get-secret-value --secret-id {name} --query SecretString --output text > current
        aws secretsmanager get-secret-value --secret-id {name} --version-stage AWSPREVIOUS \\
            --query SecretString --output text > previous
        aws secretsmanager put-secret-value --secret-id {name} --secret-binary fileb://file > put
        aws secretsmanager get-secret-value --secret-id {name} --query SecretBinary --output text > binary
        aws secretsmanager list-secrets --filters Key=name,Values={name} \\
            --query 'SecretList[].Name' --output text > listed
        aws secretsmanager get-random-password --password-length 20 --query RandomPassword --output text > password
        aws secretsmanager delete-secret --secret-id {name} --recovery-window-in-days 7 > deleted
        aws secretsmanager restore-secret --secret-id {name} > restored
        aws secretsmanager delete-secret --secret-id {name} --force-delete-without-recovery > deleted
        aws secretsmanager describe-secret --secret-id {name} 2> gone && exit 1
        cat made
    """
    made = shell.answer(script)
    assert made["Name"] == name

    def told(file: str) -> str:
        return (shell.home / file).read_text().strip()

    assert told("current") == '{"user":"bob"}'
    assert told("previous") == '{"user":"ann"}'
    assert base64.b64decode(told("binary")) == bytes(range(256))
    assert told("listed") == name
    assert len(told("password")) == 20
    assert "ResourceNotFoundException" in told("gone")


class Watched:
    """A client that counts what is asked of it."""

    def __init__(self, client: Any) -> None:
        self.calls: list[str] = []
        self.client = client
        client.meta.events.register("before-call.secrets-manager", self._count)

    def _count(self, model: Any, **_: Any) -> None:
        self.calls.append(model.name)


def test_the_caching_library(server: RunningServer) -> None:
    name = f"cached-{uuid.uuid4()}"
    watched = Watched(server.client("secretsmanager"))
    client = watched.client
    client.create_secret(Name=name, SecretString='{"username": "ann", "password": "first"}')
    cache = SecretCache(client=client)
    watched.calls.clear()
    assert [cache.get_secret_string(name) for _ in range(20)] == ['{"username": "ann", "password": "first"}'] * 20
    assert sorted(watched.calls) == ["DescribeSecret", "GetSecretValue"]
    cache = SecretCache(config=SecretCacheConfig(secret_refresh_interval=1), client=client)
    assert "first" in cache.get_secret_string(name)
    client.put_secret_value(SecretId=name, SecretString='{"username": "ann", "password": "second"}')
    deadline = time.monotonic() + 20
    while "second" not in cache.get_secret_string(name):
        assert time.monotonic() < deadline, "the cache never saw the new version"
        time.sleep(0.05)
    assert "first" in cache.get_secret_string(name, version_stage="AWSPREVIOUS")

    @InjectKeywordedSecretString(secret_id=name, cache=cache, user="username", password="password")
    def connect(user: str, password: str) -> str:
        return f"{user}:{password}"

    assert connect() == "ann:second"
    client.put_secret_value(SecretId=name, SecretBinary=b"\x00\xff")
    assert SecretCache(client=client).get_secret_binary(name) == b"\x00\xff"


def test_boto3_pages_and_replicas(server: RunningServer) -> None:
    here, there = server.client("secretsmanager"), server.client("secretsmanager", region="ap-southeast-2")
    prefix = f"paged-{uuid.uuid4()}/"
    for number in range(5):
        replicas = [{"Region": "ap-southeast-2"}] if number == 3 else []
        more = {"AddReplicaRegions": replicas} if replicas else {}
        here.create_secret(Name=f"{prefix}{number}", SecretString=str(number), **more)
    filters = [{"Key": "name", "Values": [prefix]}]
    pages = here.get_paginator("list_secrets").paginate(Filters=filters, PaginationConfig={"PageSize": 2})
    assert [each["Name"] for page in pages for each in page["SecretList"]] == [f"{prefix}{n}" for n in range(5)]
    batch = here.batch_get_secret_value(Filters=filters)
    assert [each["SecretString"] for each in batch["SecretValues"]] == list("01234")
    assert there.get_secret_value(SecretId=f"{prefix}3")["SecretString"] == "3"
