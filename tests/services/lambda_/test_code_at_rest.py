"""Code as it lies in the store: checked by the operator, damaged, and swept when it is nobody's."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.opened_house import ACCOUNT
from tests.services.lambda_.functions import Functions, allow, archive, function_arn, with_functions
from tests.services.refusals import refused

from strongroom.envelope.sealed import SealBroken
from strongroom.services.lambda_ import tables
from strongroom.services.lambda_.code import read_code
from strongroom.services.lambda_.code_check import check_codes
from strongroom.services.lambda_.function_directory import resolve


async def _codes(functions: Functions) -> dict[str, Any]:
    """Return the rows of all archives, by the names of their functions."""
    house = functions.house.house
    rows = await house.store.read(lambda connection: connection.execute(select(tables.CODES)).all())
    ids = {row.code_id: row for row in rows}
    found = {}
    for name in ("small", "large", "other"):
        version = await resolve(house, ACCOUNT, "us-east-1", name, "")
        found[name] = ids[version.code.code_id]
    return found


async def _no_key(key_arn: str, ciphertext: bytes, context: Mapping[str, str]) -> bytes | None:
    return None


async def _make(functions: Functions) -> dict[str, Any]:
    await functions.make("small")
    for name in ("large", "other"):
        await functions.make(name, Code={"ZipFile": archive({"noise": os.urandom(50_000)})})
    return await _codes(functions)


def _blob(functions: Functions, row: Any) -> Path:
    return Path(functions.house.house.configuration.data) / "blobs" / row.blob[:2] / row.blob


def test_damaged_missing_and_swapped_code_is_found_and_not_run(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        codes, house = await _make(functions), functions.house.house
        checked = [each async for each in check_codes(house, _no_key)]
        assert [(each.damage, each.stored_bytes > 0) for each in checked] == [("", True)] * 3
        _blob(functions, codes["large"]).write_bytes(_blob(functions, codes["other"]).read_bytes())
        _blob(functions, codes["other"]).unlink()
        cut = bytes(codes["small"].inline)[:-1]

        def damage(connection: Any) -> None:
            this = tables.CODES.c.code_id == codes["small"].code_id
            connection.execute(update(tables.CODES).where(this).values(inline=cut))

        await house.store.write(damage)
        assert all([each.damage async for each in check_codes(house, _no_key)])
        for name in ("small", "large"):
            version = await resolve(house, ACCOUNT, "us-east-1", name, "")
            with pytest.raises(SealBroken):
                await read_code(house, version)

    with_functions(tmp_path, body)


def test_code_of_one_function_does_not_open_in_the_row_of_another(tmp_path: Path) -> None:
    async def body(functions: Functions) -> None:
        codes, house = await _make(functions), functions.house.house
        await functions.make("second")

        def move(connection: Any) -> None:
            this = tables.CODES.c.code_id == codes["large"].code_id
            values = {"sealed_key": codes["other"].sealed_key, "blob": codes["other"].blob}
            connection.execute(update(tables.CODES).where(this).values(values))

        await house.store.write(move)
        with pytest.raises(SealBroken):
            await read_code(house, await resolve(house, ACCOUNT, "us-east-1", "large", ""))

    with_functions(tmp_path, body)


def _key_policy(*statements: dict[str, Any]) -> str:
    own = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [own, *statements]})


FOR_LAMBDA = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
    "Resource": "*",
    "Condition": {
        "StringLike": {"kms:EncryptionContext:aws:lambda:FunctionArn": function_arn("*")},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    },
}


async def _key(functions: Functions, *statements: dict[str, Any]) -> str:
    made = await functions.house.kms("CreateKey", Policy=_key_policy(*statements))
    return str(made["KeyMetadata"]["Arn"])


@pytest.mark.parametrize("noise", [100, 50_000])
def test_a_customers_key_encrypts_code_if_its_policy_lets_lambda(tmp_path: Path, noise: int) -> None:
    code = archive({"noise": os.urandom(noise)})

    async def body(functions: Functions) -> None:
        closed, key, house = await _key(functions), await _key(functions, FOR_LAMBDA), functions.house.house
        with refused("InvalidParameterValueException"):
            await functions.make(Code={"ZipFile": code, "SourceKMSKeyArn": closed})
        await functions.make(Code={"ZipFile": code, "SourceKMSKeyArn": key}, Publish=True)
        version = await resolve(house, ACCOUNT, "us-east-1", "hello", "1")
        assert await read_code(house, version) == code
        found = await functions("GetFunction")
        assert found["Code"] == {"RepositoryType": "S3", "SourceKMSKeyArn": key}
        ann = await functions.user("ann", allow("lambda:*"))
        error = (await functions("GetFunction", caller=ann))["Code"]["Error"]
        assert error["ErrorCode"] == "AccessDeniedException"
        assert "kms:Decrypt" in error["Message"]
        await functions.house.kms("DisableKey", KeyId=key)
        with refused("KMSDisabledException"):
            await read_code(house, version)
        assert [each.why_not async for each in check_codes(house, _no_key)] == ["its KMS key is gone"]
        # Code that is uploaded without a key is Lambda's own to encrypt again; the version keeps what it has.
        await functions("UpdateFunctionCode", ZipFile=code)
        assert await read_code(house, await resolve(house, ACCOUNT, "us-east-1", "hello", "")) == code
        with refused("KMSDisabledException"):
            await read_code(house, version)

    with_functions(tmp_path, body)
