"""Every way in which a secret passes through Lambda's control plane: what it was told, and what it told."""

import base64
import os
from typing import Any

from tests.faults.told_by_kms import Secrets, new_key, refused
from tests.running_server import RunningServer
from tests.services.lambda_.functions import TRUST, archive

FUNCTION_KEY_MATERIALS = 2
"""How many key materials KMS has for it in the end: a key, and the AWS managed one."""


def use_functions(server: RunningServer, canary: bytes) -> Secrets:
    """Keep secrets in environment variables and in code: small and large, in versions and in a layer."""
    client, iam = server.client("lambda"), server.client("iam")
    text = base64.b64encode(canary).decode()
    role = iam.create_role(RoleName="canary", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    told = {name: f"{name} {text}".encode() for name in ("first variable", "second variable", "code", "layer")}
    first, second, code, layer = (value.decode() for value in told.values())
    small = archive({"app.py": f"SECRET = '{code}'\n"}, compressed=False)
    large = archive({"app.py": f"SECRET = '{code}'\n", "noise": os.urandom(20_000)}, compressed=False)
    made = {"Runtime": "python3.11", "Handler": "app.handler", "Role": role, "Publish": True}
    kms_key = server.client("kms").describe_key(KeyId=new_key(server.client("kms")))["KeyMetadata"]["Arn"]
    variables = {"Variables": {"SECRET": first}}
    client.create_function(FunctionName="small", Code={"ZipFile": small}, Environment=variables, **made)
    client.create_function(
        FunctionName="large", Code={"ZipFile": large}, Environment=variables, KMSKeyArn=kms_key, **made
    )
    client.update_function_configuration(FunctionName="small", Environment={"Variables": {"SECRET": second}})
    client.update_function_configuration(FunctionName="large", KMSKeyArn="")
    client.update_function_code(FunctionName="small", ZipFile=large, DryRun=True)
    client.update_function_code(FunctionName="small", ZipFile=large, Publish=True)
    content = {"ZipFile": archive({"python/library.py": f"SECRET = '{layer}'\n"}, compressed=False)}
    address = client.publish_layer_version(LayerName="layer", Content=content)["Content"]["Location"]
    found = client.get_function(FunctionName="large")
    assert found["Configuration"]["Environment"] == variables
    assert client.get_function(FunctionName="small", Qualifier="1")["Configuration"]["Environment"] == variables
    client.list_functions(FunctionVersion="ALL")
    _be_refused(client, text, made)
    addresses = {"address of code": found["Code"]["Location"], "address of a layer": address}
    return {**told, **{name: value.rpartition("/")[2].encode() for name, value in addresses.items()}}


def _be_refused(client: Any, text: str, made: dict[str, Any]) -> None:
    """Send secrets in requests that are refused: in the right members, and in wrong ones that they do not fit into."""
    code = {"ZipFile": archive({"app.py": f"SECRET = '{text}'\n"}, compressed=False)}
    variables = {"Variables": {"SECRET": text}}
    refused(lambda: client.create_function(FunctionName="small", Code=code, Environment=variables, **made))
    refused(lambda: client.create_function(FunctionName="x", Code={"ZipFile": text.encode()}, **made))
    large = {"Variables": {"SECRET": text * 200}}
    refused(lambda: client.update_function_configuration(FunctionName="small", Environment=large))
    refused(lambda: client.update_function_configuration(FunctionName="none", Environment=variables))
    wrong = {"Variables": {"?" + text: text}}
    refused(lambda: client.update_function_configuration(FunctionName="small", Environment=wrong))
    refused(lambda: client.get_function(FunctionName="?" + text))
    refused(lambda: client.get_function(FunctionName="small", Qualifier="?" + text))
    refused(lambda: client.create_alias(FunctionName="small", Name="a", FunctionVersion="?" + text))
    refused(lambda: client.update_function_configuration(FunctionName="small", Handler="? " + text))
