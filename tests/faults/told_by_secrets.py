"""Every way in which a secret passes through Secrets Manager: what it was told, and what it told."""

import base64
from typing import Any

from tests.faults.told_by_kms import Secrets, new_key, refused
from tests.running_server import RunningServer

SECRET_KEY_MATERIALS = 3
"""How many key materials KMS has for it in the end: a key, and the AWS managed ones of two Regions."""

THERE = "eu-west-1"


def use_secrets(server: RunningServer, canary: bytes) -> Secrets:
    """Keep secrets as text and as bytes, in versions current, previous and without a label, and in replicas."""
    client = server.client("secretsmanager")
    text = base64.b64encode(canary).decode()
    told = {name: f"{name} {text}".encode() for name in ("first text", "second text", "third text")}
    first, second, third = (value.decode() for value in told.values())
    client.create_secret(Name="text", SecretString=first, Description="not secret")
    client.put_secret_value(SecretId="text", SecretString=second)
    client.put_secret_value(SecretId="text", SecretString=third, VersionStages=["AWSPENDING"])
    client.update_secret(SecretId="text", SecretString=first)
    client.replicate_secret_to_regions(SecretId="text", AddReplicaRegions=[{"Region": THERE}])
    binary = canary[::-1] * 3
    own_key = new_key(server.client("kms"))
    client.create_secret(Name="bytes", SecretBinary=binary, KmsKeyId=own_key)
    client.put_secret_value(SecretId="bytes", SecretBinary=binary + canary)
    client.update_secret(SecretId="bytes", KmsKeyId="alias/aws/secretsmanager")
    there = server.client("secretsmanager", region=THERE)
    assert there.get_secret_value(SecretId="text")["SecretString"] == first
    assert client.get_secret_value(SecretId="bytes", VersionStage="AWSPREVIOUS")["SecretBinary"] == binary
    batch = client.batch_get_secret_value(SecretIdList=["text", "bytes"])
    assert [len(batch["SecretValues"]), batch["Errors"]] == [2, []]
    told["a random password"] = client.get_random_password(PasswordLength=40)["RandomPassword"].encode()
    _be_refused(client, text, canary)
    client.delete_secret(SecretId="bytes", ForceDeleteWithoutRecovery=True)
    return {**told, "secret bytes": binary}


def _be_refused(client: Any, text: str, canary: bytes) -> None:
    """Send secrets in requests that are refused: in the right members, and in wrong ones that they do not fit into."""
    refused(lambda: client.create_secret(Name="text", SecretString=text))
    refused(lambda: client.create_secret(Name="both", SecretString=text, SecretBinary=canary))
    refused(lambda: client.create_secret(Name="?" * 512 + text, SecretString=text))
    refused(lambda: client.put_secret_value(SecretId="nothing", SecretString=text))
    refused(lambda: client.put_secret_value(SecretId="text", SecretString=text * 2_000))
    refused(lambda: client.put_secret_value(SecretId="text", SecretString=text, RotationToken=text[:36]))
    refused(lambda: client.get_secret_value(SecretId="text", VersionId="?" * 64 + text))
    refused(lambda: client.tag_resource(SecretId="text", Tags=[{"Key": "a", "Value": text * 10}]))
