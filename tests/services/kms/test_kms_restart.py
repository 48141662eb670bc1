"""What was made is there after a restart, as it was."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, OpenedHouse, opened_house
from tests.services.refusals import refused

POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"},
            {"Effect": "Deny", "Principal": "*", "Action": "kms:GenerateDataKey", "Resource": "*"},
        ],
    }
)


async def everything_about(house: OpenedHouse, key_id: str) -> list[dict[str, Any]]:
    return [
        await house.kms(operation, KeyId=key_id)
        for operation in (
            "DescribeKey",
            "GetKeyPolicy",
            "GetKeyRotationStatus",
            "GetKeyLastUsage",
            "ListAliases",
            "ListKeyRotations",
            "ListResourceTags",
        )
    ]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_everything_is_kept(tmp_path: Path, kind: str, request: pytest.FixtureRequest) -> None:
    database = "" if kind == "sqlite" else request.getfixturevalue("migrated_postgresql_url")

    async def main() -> None:
        async with opened_house(tmp_path, database) as house:
            tags = [{"TagKey": "\U0001f511", "TagValue": "péché"}]
            created = await house.kms("CreateKey", Description="kept", Tags=tags, Policy=POLICY)
            key_id = created["KeyMetadata"]["KeyId"]
            off = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
            await house.kms("DisableKey", KeyId=off)
            await house.kms("CreateAlias", AliasName="alias/kept", TargetKeyId=key_id)
            context = {"a": "b"}
            blobs = []
            for _ in range(3):
                answer = await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x", EncryptionContext=context)
                blobs.append(answer["CiphertextBlob"])
                await house.kms("RotateKeyOnDemand", KeyId=key_id)
            await house.kms("EnableKeyRotation", KeyId=key_id, RotationPeriodInDays=100)
            before = await everything_about(house, key_id) + await everything_about(house, off)
        async with opened_house(tmp_path, database) as house:
            assert await everything_about(house, key_id) + await everything_about(house, off) == before
            for blob in blobs:
                opened = await house.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=context)
                assert opened["Plaintext"] == b"x"
            with refused("AccessDeniedException"):
                await house.kms("GenerateDataKey", KeyId="alias/kept", KeySpec="AES_256")
            with refused("DisabledException"):
                await house.kms("Encrypt", KeyId=off, Plaintext=b"x")

    asyncio.run(main())
