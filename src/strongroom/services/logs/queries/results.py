"""Results of queries at rest: compressed, and encrypted under a data key of their own.

KMS makes that key where the account has associated a KMS key with its query results. Source: Amazon CloudWatch Logs
User Guide, "Encrypt query results with AWS Key Management Service".
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from isal import isal_zlib

from strongroom.base.context import Origin
from strongroom.base.errors import AwsError
from strongroom.crypto.aead import KEY_BYTES
from strongroom.crypto.random import random_bytes
from strongroom.operations.house import House
from strongroom.services.logs import errors
from strongroom.services.logs.events.data_keys import DataKey
from strongroom.services.logs.groups.encryption import query_result_arn
from strongroom.services.logs.queries import tables
from strongroom.services.logs.service_calls import as_service

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[list[tuple[str, str]]]).decode

Rows = Sequence[Sequence[tuple[str, str]]]


async def _ask_kms(house: House, row: Any, name: str, params: dict[str, Any], origin: Origin | None) -> dict[str, Any]:
    arn = query_result_arn(row["account_id"], row["region"])
    try:
        return await as_service(
            house,
            "kms",
            name,
            params | {"EncryptionContext": {"aws:logs:arn": arn}},
            region=row["region"],
            account_id=row["account_id"],
            source_arn=arn,
            origin=origin,
        )
    except AwsError as error:
        if error.status >= 500 or error.code == "ThrottlingException":
            raise
        raise errors.key_withdrawn(arn) from None


async def sealed_results(house: House, row: dict[str, Any], rows: Rows) -> dict[str, bytes]:
    """Return the columns that hold the results of a query. Raises AccessDeniedException when KMS refuses the key."""
    if row["key_arn"] is None:
        secret = stored = random_bytes(KEY_BYTES)
    else:
        made = await _ask_kms(house, row, "GenerateDataKey", {"KeyId": row["key_arn"], "KeySpec": "AES_256"}, None)
        secret, stored = made["Plaintext"], made["CiphertextBlob"]
    packed = isal_zlib.compress(_encode(rows), 1)
    return {
        "sealed_key": house.sealer.seal(stored, tables.KEY_PLACE.format(**row)),
        "results": _key(row, secret).seal(packed, tables.RESULTS_PLACE.format(**row)),
    }


async def opened_results(house: House, row: Any, origin: Origin) -> list[list[tuple[str, str]]]:
    """Return the results of a query. Raises AccessDeniedException when KMS refuses the key."""
    values = row._mapping
    secret = house.sealer.open(values["sealed_key"], tables.KEY_PLACE.format(**values))
    if values["key_arn"] is not None:
        params = {"KeyId": values["key_arn"], "CiphertextBlob": secret}
        secret = (await _ask_kms(house, values, "Decrypt", params, origin))["Plaintext"]
    packed = _key(values, secret).open(values["results"], tables.RESULTS_PLACE.format(**values))
    return _decode(isal_zlib.decompress(packed))


def _key(row: Any, secret: bytes) -> DataKey:
    return DataKey(row["query_id"], row["key_arn"], secret, 0.0)
