"""AWS managed keys: `alias/aws/NAME`, made when they are first needed, used only through the service of that name.

Source: AWS KMS Developer Guide, "AWS managed keys" and "Default key policies".
"""

import json
from collections.abc import Mapping

from strongroom.base.arn import parse_arn, partition_of, root_arn
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.services.kms import errors, events, tables
from strongroom.services.kms.creation import insert_first_material, key_values
from strongroom.services.kms.deletion import DAY_SECONDS
from strongroom.services.kms.key_directory import KeyDirectory, cache_name
from strongroom.services.kms.key_specs import KEY_SPECS, SYMMETRIC_DEFAULT
from strongroom.services.kms.keys import MANAGED_BY_AWS, Key, alias_arn
from strongroom.services.kms.material import NewKeyMaterial
from strongroom.storage.connection import Connection

ALIAS_PREFIX = "alias/aws/"
ROTATION_PERIOD_DAYS = 365

PREDEFINED: Mapping[str, tuple[str, str]] = {
    "alias/aws/dynamodb": ("dynamodb", "Default key that protects my DynamoDB data when no other key is defined"),
    "alias/aws/ebs": ("ec2", "Default key that protects my EBS volumes when no other key is defined"),
    "alias/aws/lambda": ("lambda", "Default key that protects my Lambda functions when no other key is defined"),
    "alias/aws/rds": ("rds", "Default key that protects my RDS database volumes when no other key is defined"),
    "alias/aws/s3": ("s3", "Default key that protects my S3 objects when no other key is defined"),
    "alias/aws/secretsmanager": (
        "secretsmanager",
        "Default key that protects my Secrets Manager data when no other key is defined",
    ),
    "alias/aws/sns": ("sns", "Default key that protects my SNS data when no other key is defined"),
    "alias/aws/sqs": ("sqs", "Default key that protects my SQS data when no other key is defined"),
    "alias/aws/ssm": ("ssm", "Default key that protects my SSM parameters when no other key is defined"),
}
"""Each predefined alias, with the service that its key may be used through, and the key's description."""


def managed_key_policy(service: str, account_id: str, region: str) -> str:
    """Return the key policy of an AWS managed key: everybody in the account may use it, through its service alone."""
    through_service = {
        "Sid": f"Allow access through {service} for all principals in the account that are authorized to use {service}",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKey*",
            "kms:CreateGrant",
            "kms:DescribeKey",
        ],
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "kms:CallerAccount": account_id,
                "kms:ViaService": f"{service}.{region}.amazonaws.com",
            }
        },
    }
    metadata_only = {
        "Sid": "Allow direct access to key metadata to the account",
        "Effect": "Allow",
        "Principal": {"AWS": root_arn(account_id, partition_of(region))},
        "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Id": f"auto-{service}-1", "Statement": [through_service, metadata_only]}
    return json.dumps(policy, indent=2)


def is_managed_by(service: str, identifier: str) -> bool:
    """Whether `identifier` is the predefined alias of a service (`s3`)."""
    return identifier in PREDEFINED and PREDEFINED[identifier][0] == service


async def identify_or_make(call: Call, identifier: str) -> Key:
    """Return the key that `identifier` names, making it first when it is a predefined alias without a key.

    Raises what `KeyDirectory.identify` raises.
    """
    name = identifier
    arn = parse_arn(identifier)
    if arn is not None and (arn.service, arn.region, arn.account_id) == ("kms", call.region, call.account_id):
        name = arn.resource
    directory = call.house.part(KeyDirectory)
    if name in PREDEFINED and await directory.behind_alias(call.account_id, call.region, name) is None:
        return await _make(call.house, name, call.account_id, call.region)
    return await directory.identify(call, identifier)


async def _make(house: House, name: str, account_id: str, region: str) -> Key:
    service, description = PREDEFINED[name]
    now = house.clock.now()
    values = key_values(
        region,
        account_id,
        now,
        description=description,
        manager=MANAGED_BY_AWS,
        policy=managed_key_policy(service, account_id, region),
        rotation_enabled=True,
        rotation_period_days=ROTATION_PERIOD_DAYS,
        next_rotation_at=now + ROTATION_PERIOD_DAYS * DAY_SECONDS,
    )
    material = await NewKeyMaterial.generate(KEY_SPECS[SYMMETRIC_DEFAULT])
    event = events.managed_key_created(account_id, region, values["key_id"], now, name)
    alias = {
        "account_id": account_id,
        "region": region,
        "name": name,
        "target_key_id": values["key_id"],
        "created_at": now,
        "updated_at": now,
    }

    def insert_if_first(connection: Connection) -> None:
        if tables.select_alias(connection, account_id, region, name) is None:
            tables.insert_key(connection, values)
            insert_first_material(house, connection, values, material)
            tables.insert_alias_if_absent(connection, alias)
            house.audit.insert_event(connection, event)

    await house.store.write(insert_if_first, invalidates=(cache_name(region, values["key_id"]),))
    key = await house.part(KeyDirectory).behind_alias(account_id, region, name)
    if key is None:
        raise errors.alias_not_found(alias_arn(account_id, region, name))
    return key
