"""A rotation function as AWS documents them, for a secret that nothing else knows. It runs in the sandbox."""

import json
import time

import boto3


def handler(event, context):
    """Carry out one step of a rotation; every one is safe to repeat."""
    client = boto3.client("secretsmanager")
    arn, token, step = event["SecretId"], event["ClientRequestToken"], event["Step"]
    described = client.describe_secret(SecretId=arn)
    if not described["RotationEnabled"]:
        raise ValueError("rotation is not enabled")
    labels = described["VersionIdsToStages"].get(token, ())
    if "AWSCURRENT" in labels:
        return
    if "AWSPENDING" not in labels:
        raise ValueError("this version is not to be rotated to")
    if step == "createSecret":
        create(client, arn, event)
    elif step == "testSecret":
        value = json.loads(
            client.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")["SecretString"]
        )
        time.sleep(value.get("slow", 0))
        if value.get("broken"):
            raise ValueError("this password does not open anything: " + value["password"])
    elif step == "finishSecret":
        current = next(id for id, has in described["VersionIdsToStages"].items() if "AWSCURRENT" in has)
        client.update_secret_version_stage(
            SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )


def create(client, arn, event):
    """Make the next password, unless it is there."""
    token = event["ClientRequestToken"]
    value = json.loads(client.get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")["SecretString"])
    try:
        client.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
    except client.exceptions.ResourceNotFoundException:
        value["password"] = client.get_random_password(ExcludePunctuation=True)["RandomPassword"]
        client.put_secret_value(
            SecretId=arn,
            ClientRequestToken=token,
            SecretString=json.dumps(value),
            VersionStages=["AWSPENDING"],
            RotationToken=event["RotationToken"],
        )
