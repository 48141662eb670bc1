"""Values under KMS: which key, which context, whose permissions, and what a disabled key means."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.opened_house import ACCOUNT
from tests.services.kms.made_identities import document, make_identity, statement, user
from tests.services.refusals import refused
from tests.services.secretsmanager.keeping import GUEST, Keeper, keeping

from strongroom.operations.callers import Caller
from strongroom.services.secretsmanager import tables

NOT_ALLOWED = "Access to KMS is not allowed"


async def kms_calls(secrets: Keeper, request_id: str = "") -> list[Any]:
    """Return what was recorded of KMS: operation, context, key."""
    now = secrets.house.clock.now()
    records = await secrets.house.house.audit.records(now - 3_600, now + 3_600)
    return [each for each in records if each.service == "kms" and each.via == "secretsmanager"]


async def caller_with(secrets: Keeper, *statements: dict[str, Any]) -> Caller:
    """Return a user who may use Secrets Manager, and what `statements` allow."""
    name = f"user-{len(statements)}-{abs(hash(json.dumps(statements)))}"
    policy = document(statement("Allow", "secretsmanager:*"), *statements)
    return await user(secrets.house, await make_identity(secrets.house, "user", name, policy))


def test_every_version_has_a_data_key_bound_to_it(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        made = await secrets("CreateSecret", Name="s", SecretString="a very secret text")
        await secrets("GetSecretValue", SecretId="s")
        await secrets("GetSecretValue", SecretId="s")
        context = {"SecretARN": made["ARN"], "SecretVersionId": made["VersionId"]}
        calls = await kms_calls(secrets)
        assert [each.operation for each in calls] == ["GenerateDataKey", "Decrypt", "Decrypt"]
        assert all(each.request["EncryptionContext"] == context for each in calls)
        rows = await secrets.house.house.store.read(
            lambda connection: connection.execute(select(tables.VERSIONS)).all()
        )
        assert b"a very secret text" not in b"".join(bytes(row.ciphertext) + bytes(row.data_key) for row in rows)
        assert "KmsKeyId" not in await secrets("DescribeSecret", SecretId="s")

    keeping(tmp_path, body)


@pytest.mark.parametrize("column", ["ciphertext", "data_key", "kind", "version"])
def test_what_was_changed_behind_our_back_does_not_open(tmp_path: Path, column: str) -> None:
    async def body(secrets: Keeper) -> None:
        first = (await secrets("CreateSecret", Name="s", SecretString="one"))["VersionId"]
        second = (await secrets("PutSecretValue", SecretId="s", SecretString="two"))["VersionId"]

        def tamper(connection: Any) -> None:
            versions = tables.VERSIONS
            one = connection.execute(select(versions).where(versions.c.version_id == first)).one()
            values = {"kind": "binary"} if column == "kind" else {}
            if column == "version":
                values = {"ciphertext": one.ciphertext, "data_key": one.data_key}
            elif column != "kind":
                values = {column: getattr(one, column)}
            connection.execute(update(versions).where(versions.c.version_id == second).values(values))

        await secrets.house.house.store.write(tamper, invalidates=(f"secrets/{ACCOUNT}/s",))
        with refused("DecryptionFailure"):
            await secrets("GetSecretValue", SecretId="s")

    keeping(tmp_path, body)


def test_a_disabled_key_makes_it_unreadable(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        key = await secrets.key()
        await secrets("CreateSecret", Name="s", SecretString="x", KmsKeyId=key)
        assert (await secrets("DescribeSecret", SecretId="s"))["KmsKeyId"] == key
        assert (await secrets("ListSecretVersionIds", SecretId="s"))["Versions"][0]["KmsKeyIds"] == [key]
        assert await secrets.value("s") == "x"
        await secrets.house.kms("DisableKey", KeyId=key)
        failure = "Secrets Manager can't decrypt the protected secret text using the provided KMS key."
        with refused("DecryptionFailure", failure):
            await secrets("GetSecretValue", SecretId="s")
        with refused("EncryptionFailure"):
            await secrets("PutSecretValue", SecretId="s", SecretString="y")
        with refused("EncryptionFailure"):
            await secrets("CreateSecret", Name="other", KmsKeyId=key)
        await secrets.house.kms("EnableKey", KeyId=key)
        assert await secrets.value("s") == "x"
        await secrets.house.kms("ScheduleKeyDeletion", KeyId=key)
        with refused("DecryptionFailure", failure):
            await secrets("GetSecretValue", SecretId="s")

    keeping(tmp_path, body)


def test_a_key_that_is_none(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        signing = await secrets.key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        for key in ("alias/nothing", "11111111-2222-3333-4444-555555555555", signing, "no key"):
            with refused("EncryptionFailure"):
                await secrets("CreateSecret", Name="s", SecretString="x", KmsKeyId=key)
        assert (await secrets("ListSecrets"))["SecretList"] == []

    keeping(tmp_path, body)


def test_keys_by_id_and_alias(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        key = await secrets.key()
        await secrets.house.kms("CreateAlias", AliasName="alias/own", TargetKeyId=key)
        for number, named in enumerate((key.rpartition("/")[2], "alias/own", key)):
            await secrets("CreateSecret", Name=f"s{number}", SecretString="x", KmsKeyId=named)
            assert (await secrets("DescribeSecret", SecretId=f"s{number}"))["KmsKeyId"] == named
            (version,) = (await secrets("ListSecretVersionIds", SecretId=f"s{number}"))["Versions"]
            assert version["KmsKeyIds"] == [key]
        await secrets("CreateSecret", Name="managed", SecretString="x", KmsKeyId="alias/aws/secretsmanager")
        assert "KmsKeyId" not in await secrets("DescribeSecret", SecretId="managed")

    keeping(tmp_path, body)


def test_the_caller_needs_the_key(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        key = await secrets.key()
        nobody = await caller_with(secrets)
        reader = await caller_with(secrets, statement("Allow", "kms:Decrypt", key))
        via = {"StringEquals": {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}
        writer = await caller_with(
            secrets, statement("Allow", ["kms:GenerateDataKey", "kms:Decrypt"], key, Condition=via)
        )
        for caller in (nobody, reader):
            with refused("AccessDeniedException", NOT_ALLOWED):
                await secrets("CreateSecret", Name="s", SecretString="x", KmsKeyId=key, caller=caller)
        await secrets("CreateSecret", Name="s", SecretString="x", KmsKeyId=key, caller=writer)
        validation = [each.request["EncryptionContext"]["SecretVersionId"] for each in await kms_calls(secrets)]
        assert "RequestToValidateKeyAccess" in validation
        assert await secrets.value("s", caller=reader) == "x"
        with refused("AccessDeniedException", NOT_ALLOWED):
            await secrets("GetSecretValue", SecretId="s", caller=nobody)
        with refused("AccessDeniedException", NOT_ALLOWED):
            await secrets("PutSecretValue", SecretId="s", SecretString="y", caller=reader)
        # The AWS managed key is everybody's in the account.
        await secrets("CreateSecret", Name="default", SecretString="x", caller=nobody)
        assert await secrets.value("default", caller=nobody) == "x"

    keeping(tmp_path, body)


def test_another_key_encrypts_what_has_a_label(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        old, new = await secrets.key(), await secrets.key()
        await secrets("CreateSecret", Name="s", SecretString="0", KmsKeyId=old)
        for value in ("1", "2"):
            await secrets("PutSecretValue", SecretId="s", SecretString=value)
        await secrets("PutSecretValue", SecretId="s", SecretString="3", VersionStages=["AWSPENDING"])
        await secrets("UpdateSecret", SecretId="s", KmsKeyId=new)
        versions = (await secrets("ListSecretVersionIds", SecretId="s", IncludeDeprecated=True))["Versions"]
        assert [each["KmsKeyIds"] for each in versions] == [[old], [new], [new], [new]]
        await secrets.house.kms("DisableKey", KeyId=old)
        labels = {"AWSPREVIOUS": "1", "AWSCURRENT": "2", "AWSPENDING": "3"}
        assert {label: await secrets.value("s", VersionStage=label) for label in labels} == labels
        with refused("DecryptionFailure"):
            await secrets("GetSecretValue", SecretId="s", VersionId=versions[0]["VersionId"])
        await secrets("UpdateSecret", SecretId="s", KmsKeyId="")
        assert "KmsKeyId" not in await secrets("DescribeSecret", SecretId="s")
        await secrets.house.kms("DisableKey", KeyId=new)
        assert await secrets.value("s") == "2"

    keeping(tmp_path, body)


def test_who_may_not_encrypt_leaves_versions_where_they_are(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        old, new = await secrets.key(), await secrets.key()
        caller = await caller_with(secrets, statement("Allow", ["kms:GenerateDataKey", "kms:Decrypt"], [old, new]))
        await secrets("CreateSecret", Name="s", SecretString="1", KmsKeyId=old)
        await secrets("UpdateSecret", SecretId="s", KmsKeyId=new, caller=caller)
        await secrets("PutSecretValue", SecretId="s", SecretString="2")
        versions = (await secrets("ListSecretVersionIds", SecretId="s"))["Versions"]
        assert [each["KmsKeyIds"] for each in versions] == [[old], [new]]

    keeping(tmp_path, body)


def test_a_key_of_another_account(tmp_path: Path) -> None:
    async def body(secrets: Keeper) -> None:
        key = (await secrets.house.kms("CreateKey", caller=GUEST))["KeyMetadata"]["Arn"]
        with refused("AccessDeniedException", NOT_ALLOWED):
            await secrets("CreateSecret", Name="s", SecretString="x", KmsKeyId=key)
        guest = {"Effect": "Allow", "Principal": {"AWS": GUEST.arn}, "Action": "kms:*", "Resource": "*"}
        shared = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
            "Resource": "*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [guest, shared]})
        await secrets.house.kms("PutKeyPolicy", KeyId=key, Policy=policy, caller=GUEST)
        await secrets("CreateSecret", Name="s", SecretString="x", KmsKeyId=key)
        assert await secrets.value("s") == "x"

    keeping(tmp_path, body)
