"""Grants made for tests, and whether they let somebody decrypt."""

from typing import Any

from tests.opened_house import ACCOUNT, OpenedHouse
from tests.services.kms.made_identities import document, statement

from strongroom.base.errors import AwsError
from strongroom.operations.callers import Caller

ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def arn_of(kind: str, name: str, account_id: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account_id}:{kind}/{name}"


def only_root() -> str:
    """A key policy that lets the root user do everything, and hands nothing over to identity policies."""
    own = {"ArnEquals": {"aws:PrincipalArn": ROOT}}
    return document(statement("Allow", "kms:*", Principal={"AWS": ROOT}, Condition=own))


async def new_key(house: OpenedHouse, policy: str | None = None) -> str:
    created = await house.kms("CreateKey", Policy=policy or only_root())
    arn: str = created["KeyMetadata"]["Arn"]
    return arn


async def granted(house: OpenedHouse, key: str, grantee: str, *operations: str, **more: Any) -> dict[str, str]:
    return await house.kms("CreateGrant", KeyId=key, GranteePrincipal=grantee, Operations=list(operations), **more)


async def encrypted(house: OpenedHouse, key: str, **context: str) -> bytes:
    blob: bytes = (await house.kms("Encrypt", KeyId=key, Plaintext=b"x", EncryptionContext=context))["CiphertextBlob"]
    return blob


async def may_decrypt(house: OpenedHouse, caller: Caller, blob: bytes, **context: str) -> bool:
    try:
        await house.kms("Decrypt", caller=caller, CiphertextBlob=blob, EncryptionContext=context)
    except AwsError as error:
        if error.code != "AccessDeniedException":
            raise
        return False
    return True
