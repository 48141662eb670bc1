"""Every way in which a secret passes through a server: what it was told, and what it told."""

import base64
import json
import os
import secrets
import subprocess
import sys
import time
from typing import Any

import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from tests.faults.told_by_functions import use_functions
from tests.faults.told_by_invocations import invoke_functions
from tests.faults.told_by_kms import Secrets, refused, use_kms
from tests.faults.told_by_secrets import use_secrets
from tests.faults.told_parameters import use_parameters
from tests.running_server import RunningServer
from tests.services.sts.identity_provider import CLIENT_ID, identity_provider

from strongroom.crypto.one_time_password import code_at, step_at

OTHER_ACCOUNT = "111122223333"
STEP_SECONDS = 30


def use_identities(server: RunningServer, canary: bytes) -> Secrets:
    """Use IAM and STS in every way that lets a secret pass through them."""
    iam = server.client("iam")
    text = base64.b64encode(canary).decode()
    iam.create_user(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="some", PolicyDocument=policy("sts:*", "*"))
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    told: Secrets = {"a secret access key": key["SecretAccessKey"].encode()}
    seed, codes = with_mfa_device(iam)
    told |= {"an MFA seed": seed, "an MFA seed in Base32": base64.b32encode(seed), **codes}
    told |= use_sessions(server, key, iam, seed)
    told |= use_web_identity(server, iam)
    told |= use_accounts_command(server)
    # Some are operations that are not served, with passwords in them; the others are refused for their form.
    refused(lambda: iam.create_login_profile(UserName="ann", Password=text))
    refused(lambda: iam.change_password(OldPassword=text, NewPassword=text))
    refused(lambda: iam.get_user(UserName="/" + text))
    refused(lambda: iam.get_access_key_last_used(AccessKeyId="/" + text))
    refused(lambda: iam.create_user(UserName="bob", Tags=[{"Key": "?" + text, "Value": text}]))
    refused(lambda: server.client("sts").get_session_token(SerialNumber="?" + text, TokenCode=text[:6]))
    refused(lambda: server.client("sts", aws_session_token=text).get_caller_identity())
    iam.delete_access_key(UserName="ann", AccessKeyId=iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"])
    return told


def policy(action: str, resource: str) -> str:
    """Return a policy that allows one thing."""
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def with_mfa_device(iam: Any) -> tuple[bytes, Secrets]:
    """Give `ann` an MFA device. Return its seed, and the codes that were sent."""
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    seed = base64.b32decode(made["Base32StringSeed"])
    step = step_at(time.time())
    codes = code_at(seed, step - 1), code_at(seed, step)
    named = {"UserName": "ann", "SerialNumber": made["SerialNumber"]}
    refused(lambda: iam.enable_mfa_device(**named, AuthenticationCode1=codes[0], AuthenticationCode2=codes[0]))
    iam.enable_mfa_device(**named, AuthenticationCode1=codes[0], AuthenticationCode2=codes[1])
    return seed, {"the QR code of an MFA seed": made["QRCodePNG"]} | {f"code {code}": code.encode() for code in codes}


def use_sessions(server: RunningServer, key: dict[str, Any], iam: Any, seed: bytes) -> Secrets:
    """Get temporary credentials of each kind, and use them, in headers and in a presigned URL."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    sts = server.client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    role = {"RoleArn": "arn:aws:iam::000000000000:role/role", "RoleSessionName": "work"}
    serial = iam.list_mfa_devices(UserName="ann")["MFADevices"][0]["SerialNumber"]
    code = code_at(seed, step_at(time.time()) + 1)
    told: Secrets = {f"code {code}": code.encode()}
    answers = {
        "AssumeRole": sts.assume_role(**role, Tags=[{"Key": "a", "Value": "b"}]),
        "GetSessionToken": sts.get_session_token(SerialNumber=serial, TokenCode=code),
        "GetFederationToken": sts.get_federation_token(Name="bob", Policy=policy("kms:*", "*")),
    }
    refused(lambda: sts.assume_role(**role, SerialNumber=serial, TokenCode=code))
    for name, answer in answers.items():
        given = answer["Credentials"]
        told[f"the secret of {name}"] = given["SecretAccessKey"].encode()
        told[f"the token of {name}"] = given["SessionToken"].encode()
        told[f"what the token of {name} is of"] = base64.b64decode(given["SessionToken"])
        credentials = {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }
        kms = server.client("kms", secure=False, **credentials)
        if name == "AssumeRole":
            message = refused(kms.list_keys)["Message"].rpartition(" ")[2]
            told["an encoded authorization message"] = message.encode()
            told["what an encoded authorization message is of"] = base64.urlsafe_b64decode(message)
            assert (
                "kms:ListKeys"
                in server.client("sts").decode_authorization_message(EncodedMessage=message)["DecodedMessage"]
            )
            refused(lambda message=message: sts.decode_authorization_message(EncodedMessage=message[:-8] + "AAAAAAAA"))
        client = server.client("sts", secure=False, **credentials)
        presigned = client.generate_presigned_url("get_caller_identity", HttpMethod="GET")
        assert urllib3.request("GET", presigned).status == 200
        assert urllib3.request("GET", presigned.replace("Signature=", "Signature=0")).status == 403
    return told


def use_web_identity(server: RunningServer, iam: Any) -> Secrets:
    """Get credentials by a web identity token; have others refused."""
    directory = server.home.parent / f"{server.home.name}-provider"
    directory.mkdir()
    with identity_provider(directory) as provider:
        arn = iam.create_open_id_connect_provider(
            Url=provider.issuer, ClientIDList=[CLIENT_ID], ThumbprintList=[provider.thumbprint]
        )["OpenIDConnectProviderArn"]
        allowed = {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        role = iam.create_role(RoleName="job", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        sts = server.client("sts", config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))
        tokens = [
            provider.token(),
            provider.token(aud="somebody else"),
            provider.token(iss="https://elsewhere.example"),
        ]
        params = {"RoleArn": role, "RoleSessionName": "work"}
        given = sts.assume_role_with_web_identity(**params, WebIdentityToken=tokens[0])["Credentials"]
        for token in tokens[1:]:
            refused(lambda token=token: sts.assume_role_with_web_identity(**params, WebIdentityToken=token))
    told = {"the secret of a web identity": given["SecretAccessKey"].encode()}
    told["the token of a web identity's session"] = given["SessionToken"].encode()
    for number, token in enumerate(tokens):
        # Its header is the same for all, and public.
        _, claims, signature = token.split(".")
        told[f"claims of web identity token {number}"] = claims[-32:].encode()
        told[f"signature of web identity token {number}"] = signature.encode()
    return told


def use_accounts_command(server: RunningServer) -> Secrets:
    """Make an account on the command line, and use its access key."""
    command = [sys.executable, "-m", "strongroom.cli", "accounts", "create", "--data", str(server.data)]
    command += ["--account-id", OTHER_ACCOUNT, "--name", "other", "--format", "json"]
    environment = os.environ | {"XDG_CONFIG_HOME": str(server.home / "config")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    sts = server.client("sts", aws_access_key_id=made["AccessKeyId"], aws_secret_access_key=made["SecretAccessKey"])
    assert sts.get_caller_identity()["Account"] == OTHER_ACCOUNT
    return {"the secret access key of an account": made["SecretAccessKey"].encode()}


def use(server: RunningServer, canary: bytes) -> Secrets:
    """Use the server in every way that lets a secret pass through it. Return what it was told, and what it told."""
    told = use_kms(server, canary) | use_identities(server, secrets.token_bytes(30) + canary)
    told |= use_secrets(server, secrets.token_bytes(32))
    told |= use_functions(server, secrets.token_bytes(32))
    told |= invoke_functions(server, secrets.token_bytes(32))
    return told | use_parameters(server, canary)


def is_code(name: str) -> bool:
    """Whether a secret is the code of an MFA device: too short to be told from chance in what is no text."""
    return name.startswith("code ")


def is_reference(name: str) -> bool:
    """Whether it only names something that is in the database anyway: not for the disk in clear, yet no secret.

    The sealed audit trail has those that a caller sent back. Source: AWS KMS Developer Guide, "Grants in AWS KMS" ("a
    unique, nonsecret" string).
    """
    return "grant token" in name or "encoded authorization message" in name
