"""A rotation function for a token of any HTTP API that lets its user choose a new one.

The secret is JSON: {"url": "https://api.example.com/token", "token": "..."}. The API of this example takes a new token
by PUT, from whoever shows the present one, and answers GET with 200 to whoever shows a token that is good. Change
`set_token` and `is_good` to what your API wants; the four steps stay as they are. Each of them may be repeated: after a
failure Secrets Manager begins again with createSecret, and nobody knows what the API was told already.

Handler: rotate_http_api.handler. The function needs the way to the API: the tag strongroom:network with the value
api.example.com:443, which the server's setting outbound-addresses has to allow.
"""

import json
import urllib.error
import urllib.request

import boto3

SECONDS_MAX = 10


def handler(event, context):
    """Carry out one step. What is raised is seen by whoever looks why the secret is not rotated."""
    secrets = boto3.client("secretsmanager")
    secret_id, version_id = event["SecretId"], event["ClientRequestToken"]
    stages = secrets.describe_secret(SecretId=secret_id)["VersionIdsToStages"]
    if "AWSCURRENT" in stages.get(version_id, []):
        return  # A step is repeated that was done already.
    if "AWSPENDING" not in stages.get(version_id, []):
        raise ValueError("this version is not the one that is being rotated to")
    STEPS[event["Step"]](secrets, secret_id, version_id, stages)


def create_secret(secrets, secret_id, version_id, stages):
    """Choose a new token, unless this rotation has chosen one: the API may have it already."""
    try:
        read(secrets, secret_id, VersionId=version_id, VersionStage="AWSPENDING")
    except secrets.exceptions.ResourceNotFoundException:
        new = secrets.get_random_password(PasswordLength=40, ExcludePunctuation=True)["RandomPassword"]
        values = read(secrets, secret_id, VersionStage="AWSCURRENT") | {"token": new}
        secrets.put_secret_value(
            SecretId=secret_id,
            ClientRequestToken=version_id,
            SecretString=json.dumps(values),
            VersionStages=["AWSPENDING"],
        )


def set_secret(secrets, secret_id, version_id, stages):
    """Tell the API the new token, showing the present one."""
    pending = read(secrets, secret_id, VersionId=version_id, VersionStage="AWSPENDING")
    if not is_good(pending["url"], pending["token"]):
        current = read(secrets, secret_id, VersionStage="AWSCURRENT")
        # The present token goes nowhere else than where it is good.
        set_token(current["url"], current["token"], pending["token"])


def test_secret(secrets, secret_id, version_id, stages):
    """Use the new token."""
    pending = read(secrets, secret_id, VersionId=version_id, VersionStage="AWSPENDING")
    if not is_good(pending["url"], pending["token"]):
        raise ValueError("the API does not take the new token")


def finish_secret(secrets, secret_id, version_id, stages):
    """Give the new token to whoever asks for the secret."""
    current = next(version for version, has in stages.items() if "AWSCURRENT" in has)
    secrets.update_secret_version_stage(
        SecretId=secret_id,
        VersionStage="AWSCURRENT",
        MoveToVersionId=version_id,
        RemoveFromVersionId=current,
    )


STEPS = {
    "createSecret": create_secret,
    "setSecret": set_secret,
    "testSecret": test_secret,
    "finishSecret": finish_secret,
}


def read(secrets, secret_id, **which):
    """Return what a version of the secret holds."""
    return json.loads(secrets.get_secret_value(SecretId=secret_id, **which)["SecretString"])


def set_token(url, present, new):
    """Have the API take a new token. Raises urllib.error.HTTPError when it does not."""
    body = json.dumps({"token": new}).encode()
    headers = {"Authorization": f"Bearer {present}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT"), timeout=SECONDS_MAX).close()


def is_good(url, token):
    """Whether the API takes a token."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        urllib.request.urlopen(request, timeout=SECONDS_MAX).close()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            return False
        raise
    return True
