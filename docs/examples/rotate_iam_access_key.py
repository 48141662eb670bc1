"""A rotation function for the access key of an IAM user.

The secret is JSON: {"user_name": "backup", "access_key_id": "AKIA...", "secret_access_key": "..."}. IAM makes the new
key, and lets a user have two: the one before stays good until the next rotation, so that nobody is refused who read the
secret a moment ago.

Handler: rotate_iam_access_key.handler. Its role needs, on that user, iam:CreateAccessKey, iam:DeleteAccessKey and
iam:ListAccessKeys, besides what every rotation function needs of Secrets Manager.
"""

import json

import boto3


def handler(event, context):
    """Carry out one step."""
    secrets = boto3.client("secretsmanager")
    secret_id, version_id = event["SecretId"], event["ClientRequestToken"]
    stages = secrets.describe_secret(SecretId=secret_id)["VersionIdsToStages"]
    if "AWSCURRENT" in stages.get(version_id, []):
        return  # A step is repeated that was done already.
    if "AWSPENDING" not in stages.get(version_id, []):
        raise ValueError("this version is not the one that is being rotated to")
    if event["Step"] == "createSecret":
        create_secret(secrets, secret_id, version_id)
    elif event["Step"] == "testSecret":
        test_secret(secrets, secret_id, version_id)
    elif event["Step"] == "finishSecret":
        finish_secret(secrets, secret_id, version_id, stages)
    # Nothing is left for setSecret: IAM knows the key that it has made.


def create_secret(secrets, secret_id, version_id):
    """Have IAM make a key, unless this rotation has one.

    The only key that is left is the current one: besides it there is that of the rotation before, or one whose secret
    was never written down because this step was cut short.
    """
    try:
        read(secrets, secret_id, VersionId=version_id, VersionStage="AWSPENDING")
        return
    except secrets.exceptions.ResourceNotFoundException:
        current = read(secrets, secret_id, VersionStage="AWSCURRENT")
    iam, user = boto3.client("iam"), current["user_name"]
    for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        if key["AccessKeyId"] != current["access_key_id"]:
            iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    made = iam.create_access_key(UserName=user)["AccessKey"]
    values = current | {"access_key_id": made["AccessKeyId"], "secret_access_key": made["SecretAccessKey"]}
    secrets.put_secret_value(
        SecretId=secret_id,
        ClientRequestToken=version_id,
        SecretString=json.dumps(values),
        VersionStages=["AWSPENDING"],
    )


def test_secret(secrets, secret_id, version_id):
    """Use the new key."""
    pending = read(secrets, secret_id, VersionId=version_id, VersionStage="AWSPENDING")
    told = boto3.client(
        "sts",
        aws_access_key_id=pending["access_key_id"],
        aws_secret_access_key=pending["secret_access_key"],
    ).get_caller_identity()
    if not told["Arn"].endswith(f"/{pending['user_name']}"):
        raise ValueError("the new key is somebody else's")


def finish_secret(secrets, secret_id, version_id, stages):
    """Give the new key to whoever asks for the secret."""
    current = next(version for version, has in stages.items() if "AWSCURRENT" in has)
    secrets.update_secret_version_stage(
        SecretId=secret_id,
        VersionStage="AWSCURRENT",
        MoveToVersionId=version_id,
        RemoveFromVersionId=current,
    )


def read(secrets, secret_id, **which):
    """Return what a version of the secret holds."""
    return json.loads(secrets.get_secret_value(SecretId=secret_id, **which)["SecretString"])
