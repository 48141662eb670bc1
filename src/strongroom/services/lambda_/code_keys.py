"""The data keys that archives are sealed under: Lambda's own, or from a customer's KMS key that Lambda may use.

For a customer's key there is no grant: its key policy has to let lambda.amazonaws.com generate data keys and decrypt,
with the function as encryption context. Lambda asks as itself, for the function; who wants to see the code has to be
allowed to decrypt as well. Source: AWS Lambda Developer Guide, "Encrypting Lambda .zip deployment packages".
"""

from typing import Any, NamedTuple

from strongroom.base.context import Origin, new_request_id
from strongroom.base.errors import AwsError
from strongroom.crypto.random import random_bytes
from strongroom.operations.call import Call, SourceResource
from strongroom.operations.callers import Caller
from strongroom.operations.data_keys import DATA_KEY_BYTES, decrypt_data_key
from strongroom.operations.house import House
from strongroom.operations.perform import perform
from strongroom.operations.registry import Answer
from strongroom.services.lambda_ import errors, tables
from strongroom.services.lambda_.environment import INTERNAL, encryption_context, refused_start
from strongroom.services.lambda_.service import PRINCIPAL


class CodeOwner(NamedTuple):
    """Whose an archive is: an account's in a Region; of a function, when a customer's KMS key is to encrypt it."""

    account_id: str
    region: str
    function_arn: str = ""
    kms_key_arn: str | None = None


class CodeKey(NamedTuple):
    """The data key of an archive, and the columns that keep it."""

    plaintext: bytes
    columns: dict[str, Any]

    def __repr__(self) -> str:
        return "CodeKey(hidden)"


async def new_code_key(house: House, owner: CodeOwner, code_id: str) -> CodeKey:
    """Return a fresh data key. Raises InvalidParameterValueException when KMS does not give Lambda one."""
    place = tables.CODE_PLACE.format(code_id=code_id)
    if owner.kms_key_arn is None:
        key = random_bytes(DATA_KEY_BYTES)
        return CodeKey(key, {"sealed_key": house.sealer.seal(key, place), "kms_key_arn": None, "function_arn": None})
    params = {
        "KeyId": owner.kms_key_arn,
        "KeySpec": "AES_256",
        "EncryptionContext": encryption_context(owner.function_arn),
    }
    try:
        answer = await _kms_as_lambda(house, owner, "GenerateDataKey", params)
    except AwsError as error:
        if error.status >= 500 or error.code == "ThrottlingException":
            raise
        raise errors.invalid_parameter(
            "Lambda was unable to encrypt the deployment package. Please check that the key policy lets "
            f"{PRINCIPAL} use the KMS key. KMS Exception: {error.code} KMS Message: {error.message}"
        ) from None
    columns = {
        "sealed_key": house.sealer.seal(answer["CiphertextBlob"], place),
        "kms_key_arn": answer["KeyId"],
        "function_arn": owner.function_arn,
    }
    return CodeKey(answer["Plaintext"], columns)


async def open_code_key(house: House, row: Any) -> bytes:
    """Return the data key of an archive, by its row, for a function that starts.

    Raises AwsError as Invoke does when KMS refuses (KMSDisabledException ...), and SealBroken.
    """
    kept = house.sealer.open(row.sealed_key, tables.CODE_PLACE.format(code_id=row.code_id))
    if row.kms_key_arn is None:
        return kept
    owner = CodeOwner(row.account_id, row.region, row.function_arn, row.kms_key_arn)
    params = {
        "CiphertextBlob": kept,
        "KeyId": row.kms_key_arn,
        "EncryptionContext": encryption_context(row.function_arn),
    }
    try:
        key: bytes = (await _kms_as_lambda(house, owner, "Decrypt", params))["Plaintext"]
    except AwsError as error:
        raise refused_start(error, "the deployment package") from None
    return key


async def require_readable(call: Call, code_id: str) -> None:
    """Raise AwsError as KMS does unless the caller may decrypt an archive that is under a customer's key."""
    row = await call.read(lambda connection: tables.select_code(connection, code_id))
    if row is None or row.kms_key_arn is None:
        return
    kept = call.house.sealer.open(row.sealed_key, tables.CODE_PLACE.format(code_id=code_id))
    await decrypt_data_key(call, kept, row.kms_key_arn, encryption_context(row.function_arn))


async def _kms_as_lambda(house: House, owner: CodeOwner, operation: str, params: dict[str, Any]) -> Answer:
    now = house.clock.now()
    return await perform(
        house,
        "kms",
        operation,
        params,
        caller=Caller.service(PRINCIPAL, owner.account_id),
        origin=Origin(new_request_id(now), now, INTERNAL, True, user_agent=INTERNAL),
        region=owner.region,
        source=SourceResource(owner.function_arn, owner.account_id),
    )
