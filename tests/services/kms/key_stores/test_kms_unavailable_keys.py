"""What can be done with keys whose key store is disconnected: the column "Unavailable" of AWS's table, for both types.

Source: AWS KMS Developer Guide, "Key states of AWS KMS keys".
"""

import json
from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.key_stores import test_kms_cloudhsm_key_store as in_cluster
from tests.services.kms.key_stores import test_kms_external_key_store as elsewhere
from tests.services.kms.key_stores.conftest import CLUSTER, Certificates
from tests.softhsm import PIN

from strongroom.base.errors import AwsError

OPENS_IT = json.dumps(
    {"Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}]}
)
UNAVAILABLE, NOT_PENDING, UNSUPPORTED = "unavailable", "not pending deletion", "UnsupportedOperationException"

TABLE: dict[str, tuple[dict[str, Any], str | None]] = {
    "Encrypt": ({"Plaintext": b"x"}, UNAVAILABLE),
    "Decrypt": ({"CiphertextBlob": ...}, UNAVAILABLE),
    "GenerateDataKey": ({"KeySpec": "AES_256"}, UNAVAILABLE),
    "GenerateDataKeyWithoutPlaintext": ({}, UNAVAILABLE),
    "GenerateDataKeyPair": ({"KeyPairSpec": "ECC_NIST_P256"}, UNAVAILABLE),
    "GenerateDataKeyPairWithoutPlaintext": ({"KeyPairSpec": "ECC_NIST_P256"}, UNAVAILABLE),
    "Sign": ({"Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}, UNAVAILABLE),
    "GenerateMac": ({"Message": b"x", "MacAlgorithm": "HMAC_SHA_256"}, UNAVAILABLE),
    "CancelKeyDeletion": ({}, NOT_PENDING),
    "EnableKeyRotation": ({}, UNSUPPORTED),
    "DisableKeyRotation": ({}, UNSUPPORTED),
    "GetKeyRotationStatus": ({}, UNSUPPORTED),
    "RotateKeyOnDemand": ({}, UNSUPPORTED),
    "GetParametersForImport": ({"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}, UNSUPPORTED),
    "DeleteImportedKeyMaterial": ({}, UNSUPPORTED),
    "ReplicateKey": ({"ReplicaRegion": "eu-west-1"}, UNSUPPORTED),
    "CreateGrant": ({"GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:root", "Operations": ["Encrypt"]}, None),
    "ListGrants": ({}, None),
    "TagResource": ({"Tags": [{"TagKey": "a", "TagValue": "b"}]}, None),
    "ListResourceTags": ({}, None),
    "UntagResource": ({"TagKeys": ["a"]}, None),
    "PutKeyPolicy": ({"Policy": OPENS_IT}, None),
    "GetKeyPolicy": ({}, None),
    "ListKeyPolicies": ({}, None),
    "UpdateKeyDescription": ({"Description": "still here"}, None),
    "DescribeKey": ({}, None),
    "DisableKey": ({}, None),
    "EnableKey": ({}, None),
    "ScheduleKeyDeletion": ({"PendingWindowInDays": 7}, None),
}


async def try_everything(house: OpenedHouse, store_id: str, key: dict[str, Any], words: str) -> None:
    sealed = await house.kms("Encrypt", KeyId=key["Arn"], Plaintext=b"x")
    ordinary = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
    other = await house.kms("Encrypt", KeyId=ordinary, Plaintext=b"x")
    await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
    assert (await house.kms("DescribeKey", KeyId=key["Arn"]))["KeyMetadata"]["KeyState"] == "Unavailable"
    expected = {
        UNAVAILABLE: ("KMSInvalidStateException", words),
        NOT_PENDING: ("KMSInvalidStateException", f"{key['Arn']} is not pending deletion."),
        UNSUPPORTED: (UNSUPPORTED, ...),
        None: None,
    }
    # Into such a key and out of it.
    for blob, destination in ((other, key["Arn"]), (sealed, ordinary)):
        moved = {"CiphertextBlob": blob["CiphertextBlob"], "DestinationKeyId": destination}
        seen = await refusal_of(house, "ReEncrypt", **moved)
        assert seen is not None, destination
        assert seen[0] == "KMSInvalidStateException", destination
    for operation, (params, outcome) in TABLE.items():
        given = {name: sealed["CiphertextBlob"] if value is ... else value for name, value in params.items()}
        seen = await refusal_of(house, operation, KeyId=key["Arn"], **given)
        wanted = expected[outcome]
        assert seen == wanted or (wanted is not None and seen is not None and wanted == (seen[0], ...)), operation


async def refusal_of(house: OpenedHouse, operation: str, **params: Any) -> tuple[str, str] | None:
    try:
        await house.kms(operation, **params)
    except AwsError as error:
        return error.code, error.message
    return None


def test_in_an_external_key_store(in_house: InHouse[Any]) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await elsewhere.connected_store(house)
        await try_everything(house, store_id, await elsewhere.key_in(house, store_id), elsewhere.NOT_CONNECTED)

    in_house(body)


def test_in_a_cluster(with_clusters: InHouse[Any], certificates: Certificates) -> None:
    store = {
        "CustomKeyStoreName": "hsm",
        "CloudHsmClusterId": CLUSTER,
        "TrustAnchorCertificate": certificates.authority.read_text(),
        "KeyStorePassword": PIN,
    }

    async def body(house: OpenedHouse) -> None:
        store_id = await in_cluster.connected_store(house, store)
        key = await in_cluster.key_in(house, store_id)
        words = f"{key['Arn']} is unavailable. You cannot perform this operation on an unavailable KMS key."
        await try_everything(house, store_id, key, words)

    with_clusters(body)
