"""Every way in which a secret passes through Parameter Store: what it was told, and what it told."""

import base64
import json
from datetime import UTC, datetime, timedelta

from tests.faults.told_by_kms import Secrets, new_key, refused
from tests.running_server import RunningServer

PARAMETER_KEYS = 2
"""How many KMS keys are made here: one, and the default key of Parameter Store."""

KINDS = (("String", ""), ("StringList", ""), ("SecureString", ""), ("SecureString", "own"))
"""The type of a parameter, and which key it is under: none, the default one, or one of its own."""


def use_parameters(server: RunningServer, canary: bytes) -> Secrets:
    """Use Parameter Store with a secret as the value of every type and tier, in what is taken and what is refused."""
    ssm, told = server.client("ssm"), dict[str, bytes]()
    key_id = new_key(server.client("kms"))
    text = base64.b64encode(canary).decode()
    for tier in ("Standard", "Advanced"):
        for kind, key in KINDS:
            name, value = f"/canary/{tier}/{kind}{key}", f"{text}{len(told)}{text}"
            told[f"the value of {name}"] = value.encode()
            put = {"Name": name, "Value": value, "Type": kind, "Tier": tier, **({"KeyId": key_id} if key else {})}
            elsewhere = put | {"Name": f"{name}-new"}
            ssm.put_parameter(**put, AllowedPattern="^[A-Za-z0-9+/=]+$", Description="a public description")
            refused(lambda put=put: ssm.put_parameter(**put))
            refused(lambda put=put: ssm.put_parameter(**put, Overwrite=True, AllowedPattern="^[0-9]$"))
            refused(lambda put=elsewhere: ssm.put_parameter(**put, DataType="integer"))
            ssm.put_parameter(**put, Overwrite=True)
            assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == value
    name = "/canary/Advanced/String"
    ssm.label_parameter_version(Name=name, Labels=["label"])
    assert ssm.get_parameters(Names=[f"{name}:label"])["Parameters"]
    assert ssm.get_parameters_by_path(Path="/canary", Recursive=True, WithDecryption=True)["Parameters"]
    assert ssm.get_parameter_history(Name=name, WithDecryption=True)["Parameters"]
    refused(lambda: ssm.put_parameter(Name="/canary/long", Value=text * 400, Type="String"))
    refused(lambda: ssm.put_parameter(Name="/canary/nested", Value="{{" + text + "}}", Type="String"))
    # A value in the wrong place.
    refused(lambda: ssm.put_parameter(Name=f"no name {text}", Value=text, Type=text))
    refused(lambda: ssm.put_parameter(Name="/canary/wrong", Value=text, Type=text))
    at = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="seconds")
    policies = json.dumps([{"Type": "Expiration", "Version": "1.0", "Attributes": {"Timestamp": at}}])
    ssm.put_parameter(Name=name, Value=text, Overwrite=True, Policies=policies)
    ssm.delete_parameter(Name="/canary/Standard/SecureString")
    return told
