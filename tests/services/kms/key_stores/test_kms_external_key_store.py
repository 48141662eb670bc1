"""External key stores: made, connected, used and lost, with the reference proxy behind them."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.key_stores.conftest import HOST
from tests.services.kms.key_stores.reference_proxy import (
    ACCESS_KEY_ID,
    BASE_PATH,
    SECRET_ACCESS_KEY,
    RawAnswer,
    ReferenceProxy,
)
from tests.services.refusals import refused

from strongroom.operations.callers import Caller
from strongroom.services.kms.key_stores.xks_errors import _WORDS as WORDS

CREDENTIAL = {"AccessKeyId": ACCESS_KEY_ID, "RawSecretAccessKey": SECRET_ACCESS_KEY}
STORE = {
    "CustomKeyStoreName": "elsewhere",
    "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
    "XksProxyUriEndpoint": f"https://{HOST}",
    "XksProxyUriPath": BASE_PATH,
    "XksProxyAuthenticationCredential": CREDENTIAL,
    "XksProxyConnectivity": "PUBLIC_ENDPOINT",
}
CONTEXT = {"purpose": "test", "ünïcode": "x" * 4_000}
NOT_CONNECTED = (
    "This KMS key is in a custom key store that is not connected to its external key store proxy. Connect the external "
    "key store and try the request again."
)


async def connected_store(house: OpenedHouse, **changed: Any) -> str:
    store_id: str = (await house.kms("CreateCustomKeyStore", **(STORE | changed)))["CustomKeyStoreId"]
    await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
    return store_id


async def key_in(house: OpenedHouse, store_id: str, xks_key_id: str = "key-1", **more: Any) -> dict[str, Any]:
    created = await house.kms(
        "CreateKey", Origin="EXTERNAL_KEY_STORE", CustomKeyStoreId=store_id, XksKeyId=xks_key_id, **more
    )
    metadata: dict[str, Any] = created["KeyMetadata"]
    return metadata


async def state_of(house: OpenedHouse, store_id: str) -> tuple[str, str | None]:
    (entry,) = (await house.kms("DescribeCustomKeyStores", CustomKeyStoreId=store_id))["CustomKeyStores"]
    return entry["ConnectionState"], entry.get("ConnectionErrorCode")


def error(name: str) -> Callable[[str, RawAnswer], RawAnswer]:
    """Return what makes the proxy answer with an error of the specification, whatever it is asked."""
    return lambda _, __: RawAnswer(400, json.dumps({"errorName": name}).encode())


def test_a_key_store_and_its_key(in_house: InHouse[Any], proxy: ReferenceProxy) -> None:
    async def body(house: OpenedHouse) -> None:
        created = await house.kms("CreateCustomKeyStore", **STORE)
        store_id = created["CustomKeyStoreId"]
        assert store_id.startswith("cks-")
        assert len(store_id) == 21
        assert await state_of(house, store_id) == ("DISCONNECTED", None)
        assert await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id) == {}
        (entry,) = (await house.kms("DescribeCustomKeyStores"))["CustomKeyStores"]
        assert entry.pop("CreationDate").timestamp() == pytest.approx(house.clock.now(), abs=60)
        assert entry == {
            "CustomKeyStoreId": store_id,
            "CustomKeyStoreName": "elsewhere",
            "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
            "ConnectionState": "CONNECTED",
            "XksProxyConfiguration": {
                "Connectivity": "PUBLIC_ENDPOINT",
                "AccessKeyId": ACCESS_KEY_ID,
                "UriEndpoint": f"https://{HOST}",
                "UriPath": BASE_PATH,
            },
        }
        key = await key_in(house, store_id, Description="elsewhere")
        assert key == (await house.kms("DescribeKey", KeyId=key["KeyId"]))["KeyMetadata"]
        shown = {name: key.get(name) for name in ("Origin", "KeyState", "KeySpec", "MultiRegion", "CustomKeyStoreId")}
        assert shown == {
            "Origin": "EXTERNAL_KEY_STORE",
            "KeyState": "Enabled",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "MultiRegion": False,
            "CustomKeyStoreId": store_id,
        }
        assert key["XksKeyConfiguration"] == {"Id": "key-1"}
        assert not {"CurrentKeyMaterialId", "CloudHsmClusterId"} & key.keys()

        sealed = await house.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x" * 4096, EncryptionContext=CONTEXT)
        opened = await house.kms("Decrypt", CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext=CONTEXT)
        assert opened == {"KeyId": key["Arn"], "Plaintext": b"x" * 4096, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
        data_key = await house.kms("GenerateDataKey", KeyId=key["KeyId"], KeySpec="AES_256")
        opened = await house.kms("Decrypt", CiphertextBlob=data_key["CiphertextBlob"])
        assert opened["Plaintext"] == data_key["Plaintext"]

        ordinary = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        blob = sealed["CiphertextBlob"]
        for destination in (ordinary, key["KeyId"]):
            moved = await house.kms(
                "ReEncrypt", CiphertextBlob=blob, SourceEncryptionContext=CONTEXT, DestinationKeyId=destination,
                DestinationEncryptionContext=CONTEXT,
            )  # fmt: skip
            blob = moved["CiphertextBlob"]
        assert (await house.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=CONTEXT))["Plaintext"] == b"x" * 4096

    in_house(body)
    said = json.dumps(proxy.requests)
    assert "x" * 20 not in said
    assert "eHh4eHh4" not in said, "the proxy is given nothing that KMS has not encrypted"
    health, described, encrypted = proxy.requests[0][1], proxy.requests[2][1], proxy.requests[3][1]
    assert health["requestMetadata"]["kmsOperation"] == "CreateCustomKeyStore"
    assert described["requestMetadata"]["kmsOperation"] == "CreateKey"
    assert encrypted["requestMetadata"]["awsPrincipalArn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert encrypted["requestMetadata"]["kmsKeyArn"].startswith(f"arn:aws:kms:us-east-1:{ACCOUNT}:key/")


def test_a_wrong_context_an_altered_blob_and_another_key_do_not_open(in_house: InHouse[Any]) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house)
        first, second = await key_in(house, store_id, "key-1"), await key_in(house, store_id, "key-2")
        sealed = await house.kms("Encrypt", KeyId=first["KeyId"], Plaintext=b"secret", EncryptionContext={"a": "bc"})
        blob = sealed["CiphertextBlob"]
        for context in ({}, {"ab": "c"}, {"a": "bd"}):
            with refused("KMSInvalidStateException", WORDS["InvalidCiphertextException"]):
                await house.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=context)
        with refused("IncorrectKeyException"):
            await house.kms("Decrypt", KeyId=second["KeyId"], CiphertextBlob=blob, EncryptionContext={"a": "bc"})
        places = dict.fromkeys((*range(51, 63), *range(65, len(blob))), "KMSInvalidStateException")
        places |= dict.fromkeys((50, 64), "InvalidCiphertextException")
        for place, code in places.items():
            altered = blob[:place] + bytes([blob[place] ^ 0x10]) + blob[place + 1 :]
            with refused(code):
                await house.kms("Decrypt", CiphertextBlob=altered, EncryptionContext={"a": "bc"})
        for cut in (blob[:-1], blob[:60], blob[:78]):
            with refused(
                code := "KMSInvalidStateException" if len(cut) == len(blob) - 1 else "InvalidCiphertextException"
            ):
                await house.kms("Decrypt", CiphertextBlob=cut, EncryptionContext={"a": "bc"})
        ordinary = bytearray(blob)
        ordinary[1] = 1
        with refused("InvalidCiphertextException"):
            await house.kms("Decrypt", CiphertextBlob=bytes(ordinary), EncryptionContext={"a": "bc"})

    in_house(body)


CRYPTOGRAPHIC = {
    "Encrypt": {"Plaintext": b"x"},
    "Decrypt": {},
    "GenerateDataKey": {"KeySpec": "AES_256"},
    "GenerateDataKeyWithoutPlaintext": {},
    "ReEncrypt": {},
}


async def use(house: OpenedHouse, operation: str, key_id: str, blob: bytes) -> Any:
    """Perform a cryptographic operation with a key, and with a ciphertext of it where one is needed."""
    if operation == "ReEncrypt":
        return await house.kms("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=key_id)
    more = {"CiphertextBlob": blob} if operation == "Decrypt" else {}
    return await house.kms(operation, KeyId=key_id, **CRYPTOGRAPHIC[operation], **more)


def test_a_disconnected_key_store_refuses_and_comes_back(in_house: InHouse[Any], proxy: ReferenceProxy) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house)
        key_id = (await key_in(house, store_id))["KeyId"]
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
        assert await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id) == {}
        asked = len(proxy.requests)
        metadata = (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]
        assert (metadata["KeyState"], metadata["Enabled"]) == ("Unavailable", False)
        for operation in CRYPTOGRAPHIC:
            with refused("KMSInvalidStateException", NOT_CONNECTED):
                await use(house, operation, key_id, blob)
        with refused("CustomKeyStoreInvalidStateException"):
            await key_in(house, store_id, "key-2")
        with refused("CustomKeyStoreInvalidStateException"):
            await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
        assert len(proxy.requests) == asked, "a disconnected proxy is left alone"
        # What is not cryptography works; the state shows again once the key is available.
        await house.kms("CreateGrant", KeyId=key_id, GranteePrincipal=house.caller.arn, Operations=["Encrypt"])
        await house.kms("DisableKey", KeyId=key_id)
        assert (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["KeyState"] == "Unavailable"
        await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
        assert (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["KeyState"] == "Disabled"
        with refused("DisabledException"):
            await use(house, "Encrypt", key_id, blob)
        await house.kms("EnableKey", KeyId=key_id)
        for operation in CRYPTOGRAPHIC:
            await use(house, operation, key_id, blob)
        await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
        assert (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["KeyState"] == "PendingDeletion"
        await house.kms("CancelKeyDeletion", KeyId=key_id)

    in_house(body)


def test_it_is_all_there_after_a_restart(in_house: InHouse[Any]) -> None:
    async def before(house: OpenedHouse) -> tuple[str, bytes]:
        key = await key_in(house, await connected_store(house))
        return key["KeyId"], (await house.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"kept"))["CiphertextBlob"]

    key_id, blob = in_house(before)

    async def after(house: OpenedHouse) -> None:
        assert (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["KeyState"] == "Enabled"
        assert (await house.kms("Decrypt", CiphertextBlob=blob))["Plaintext"] == b"kept"

    in_house(after)


CREATING = {
    "ValidationException": "XksProxyInvalidResponseException",
    "AuthenticationFailedException": "XksProxyIncorrectAuthenticationCredentialException",
    "InvalidUriPathException": "XksProxyInvalidConfigurationException",
    "DependencyTimeoutException": "XksProxyUriUnreachableException",
    "ThrottlingException": "XksProxyUriUnreachableException",
    "InternalException": "XksProxyInvalidResponseException",
    "NoSuchErrorException": "XksProxyInvalidResponseException",
}

CREATING_KEYS = {
    "ValidationException": "CustomKeyStoreInvalidStateException",
    "InvalidStateException": "XksKeyInvalidConfigurationException",
    "InvalidKeyUsageException": "XksKeyInvalidConfigurationException",
    "AuthenticationFailedException": "CustomKeyStoreInvalidStateException",
    "AccessDeniedException": "KMSInvalidStateException",
    "KeyNotFoundException": "XksKeyNotFoundException",
    "InvalidUriPathException": "CustomKeyStoreInvalidStateException",
    "DependencyTimeoutException": "CustomKeyStoreInvalidStateException",
    "ThrottlingException": "CustomKeyStoreInvalidStateException",
    "InternalException": "CustomKeyStoreInvalidStateException",
    "NoSuchErrorException": "CustomKeyStoreInvalidStateException",
}

CONNECTING = {
    "AuthenticationFailedException": "INVALID_CREDENTIALS",
    "AccessDeniedException": "XKS_PROXY_ACCESS_DENIED",
    "InvalidUriPathException": "XKS_PROXY_INVALID_CONFIGURATION",
    "DependencyTimeoutException": "XKS_PROXY_TIMED_OUT",
    "InternalException": "XKS_PROXY_NOT_REACHABLE",
    "ValidationException": "XKS_PROXY_INVALID_RESPONSE",
    "NoSuchErrorException": "XKS_PROXY_INVALID_RESPONSE",
}


def words(name: str) -> str:
    return WORDS.get(name, WORDS["MalformedResponse"])


def test_every_failure_of_the_proxy_has_its_exception(in_house: InHouse[Any], proxy: ReferenceProxy) -> None:
    async def body(house: OpenedHouse) -> None:
        for name, code in CREATING.items():
            proxy.alter = error(name)
            with refused(code, words(name)):
                await house.kms("CreateCustomKeyStore", **STORE)
        proxy.alter = None
        store_id = await connected_store(house)
        key_id = (await key_in(house, store_id))["KeyId"]
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
        for name, code in CREATING_KEYS.items():
            proxy.alter = error(name)
            with refused(code, words(name)):
                await key_in(house, store_id, "key-2")
            for operation in CRYPTOGRAPHIC:
                with refused("KMSInvalidStateException", words(name)):
                    await use(house, operation, key_id, blob)
        proxy.alter = None
        await use(house, "Decrypt", key_id, blob)

    in_house(body)


def test_every_failure_to_connect_has_its_code(in_house: InHouse[Any], proxy: ReferenceProxy) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house)
        key_id = (await key_in(house, store_id))["KeyId"]
        for name, code in CONNECTING.items():
            await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
            proxy.alter = error(name)
            assert await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id) == {}
            assert await state_of(house, store_id) == ("FAILED", code)
            with refused("CustomKeyStoreInvalidStateException"):
                await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
            with refused("KMSInvalidStateException", NOT_CONNECTED):
                await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
        proxy.alter = None
        proxy.health_statuses = ["UNAVAILABLE", "UNAVAILABLE"]
        await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
        await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
        assert await state_of(house, store_id) == ("FAILED", "XKS_PROXY_NOT_REACHABLE")
        proxy.health_statuses = ["UNAVAILABLE", "DEGRADED"]
        await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
        await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
        assert await state_of(house, store_id) == ("CONNECTED", None)
        await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
        assert await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id) == {}, "as often as one likes"

    in_house(body)


def test_a_proxy_that_is_gone(in_house: InHouse[Any], proxy: ReferenceProxy) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house)
        key_id = (await key_in(house, store_id))["KeyId"]
        proxy.stop()
        with refused("KMSInvalidStateException", WORDS["Unreachable"]):
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
        assert await state_of(house, store_id) == ("CONNECTED", None), "it was not disconnected on purpose"
        with refused("XksProxyUriUnreachableException", WORDS["Unreachable"]):
            await house.kms(
                "CreateCustomKeyStore", **(STORE | {"XksProxyUriEndpoint": "https://elsewhere.example.com"})
            )

    in_house(body)


def test_no_key_manager_can_serve(in_house: InHouse[Any], proxy: ReferenceProxy) -> None:
    proxy.health_statuses = ["UNAVAILABLE"]

    async def body(house: OpenedHouse) -> None:
        with refused("XksProxyUriUnreachableException"):
            await house.kms("CreateCustomKeyStore", **STORE)

    in_house(body)


def test_external_keys_that_a_kms_key_cannot_have(in_house: InHouse[Any], proxy: ReferenceProxy) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house)
        await key_in(house, store_id)
        with refused("XksKeyAlreadyInUseException"):
            await key_in(house, store_id)
        with refused("XksKeyNotFoundException", WORDS["KeyNotFoundException"]):
            await key_in(house, store_id, "absent")
        with refused("XksKeyNotFoundException"):
            await key_in(house, store_id, "..")
        proxy.disabled.add("key-2")
        with refused("XksKeyInvalidConfigurationException"):
            await key_in(house, store_id, "key-2")
        proxy.disabled.clear()
        proxy.usages = ["ENCRYPT", "WRAP"]
        with refused("XksKeyInvalidConfigurationException"):
            await key_in(house, store_id, "key-2")
        proxy.usages = ["ENCRYPT", "DECRYPT"]
        proxy.alter = lambda _, answer: answer._replace(body=answer.body.replace(b"AES_256", b"AES_128"))
        with refused("XksKeyInvalidConfigurationException"):
            await key_in(house, store_id, "key-2")

    in_house(body)


@pytest.mark.parametrize(
    "asked",
    [
        {"Origin": "AWS_CLOUDHSM", "XksKeyId": None},
        {"Origin": "AWS_KMS"},
        {"Origin": None},
        {"XksKeyId": None},
        {"CustomKeyStoreId": None},
        {"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"},
        {"MultiRegion": True},
    ],
    ids=str,
)
def test_members_that_do_not_go_together(in_house: InHouse[Any], asked: dict[str, Any]) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house)
        wanted = {"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store_id, "XksKeyId": "key-1"} | asked
        with refused("ValidationException"):
            await house.kms("CreateKey", **{name: value for name, value in wanted.items() if value is not None})

    in_house(body)


@pytest.mark.parametrize("lacking", [name for name in STORE if name.startswith("Xks")])
def test_a_new_key_store_lacks_nothing(in_house: InHouse[Any], lacking: str) -> None:
    async def body(house: OpenedHouse) -> None:
        with refused("ValidationException"):
            await house.kms("CreateCustomKeyStore", **{name: v for name, v in STORE.items() if name != lacking})
        with refused("ValidationException"):
            await house.kms("CreateCustomKeyStore", **STORE, CloudHsmClusterId="cluster-aaaaaaaaaaa")
        with refused("UnsupportedOperationException"):
            await house.kms("CreateCustomKeyStore", **(STORE | {"XksProxyConnectivity": "VPC_ENDPOINT_SERVICE"}))

    in_house(body)


def test_names_and_uris_are_unique_and_ten_is_the_limit(in_house: InHouse[Any], proxy: ReferenceProxy) -> None:
    proxy.alter = healthy_anywhere(proxy)

    async def body(house: OpenedHouse) -> None:
        await house.kms("CreateCustomKeyStore", **STORE)
        with refused("CustomKeyStoreNameInUseException"):
            await house.kms("CreateCustomKeyStore", **(STORE | {"XksProxyUriPath": "/b/kms/xks/v1"}))
        with refused("XksProxyUriInUseException"):
            await house.kms("CreateCustomKeyStore", **(STORE | {"CustomKeyStoreName": "b"}))
        for number in range(9):
            changed = {"CustomKeyStoreName": f"n{number}", "XksProxyUriPath": f"/n{number}/kms/xks/v1"}
            await house.kms("CreateCustomKeyStore", **(STORE | changed))
        with refused("LimitExceededException"):
            changed = {"CustomKeyStoreName": "eleven", "XksProxyUriPath": "/eleven/kms/xks/v1"}
            await house.kms("CreateCustomKeyStore", **(STORE | changed))
        first = await house.kms("DescribeCustomKeyStores", Limit=7)
        second = await house.kms("DescribeCustomKeyStores", Limit=7, Marker=first["NextMarker"])
        assert (len(first["CustomKeyStores"]), len(second["CustomKeyStores"])) == (7, 3)
        assert (first["Truncated"], second["Truncated"]) == (True, False)
        (named,) = (await house.kms("DescribeCustomKeyStores", CustomKeyStoreName="n3"))["CustomKeyStores"]
        assert named["CustomKeyStoreName"] == "n3"
        for wrong in ({"CustomKeyStoreName": "none"}, {"CustomKeyStoreId": "cks-1234567890abcdef0"}):
            with refused("CustomKeyStoreNotFoundException"):
                await house.kms("DescribeCustomKeyStores", **wrong)
        with refused("ValidationException"):
            await house.kms("DescribeCustomKeyStores", CustomKeyStoreName="n3", CustomKeyStoreId="cks-1")

    in_house(body)


def healthy_anywhere(proxy: ReferenceProxy) -> Callable[[str, RawAnswer], RawAnswer]:
    """Return what makes the proxy answer health requests under every path."""
    return lambda path, answer: (
        RawAnswer(200, json.dumps(proxy._health()).encode()) if path.endswith("/health") else answer
    )


def test_what_of_a_key_store_can_be_changed_when(in_house: InHouse[Any], proxy: ReferenceProxy) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house)
        key_id = (await key_in(house, store_id))["KeyId"]
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]

        async def update(**changed: Any) -> None:
            assert await house.kms("UpdateCustomKeyStore", CustomKeyStoreId=store_id, **changed) == {}

        await update(NewCustomKeyStoreName="renamed")
        proxy.credentials["B" * 20] = "b" * 43
        await update(XksProxyAuthenticationCredential={"AccessKeyId": "B" * 20, "RawSecretAccessKey": "b" * 43})
        del proxy.credentials[ACCESS_KEY_ID]
        await use(house, "Decrypt", key_id, blob)
        with refused("XksProxyIncorrectAuthenticationCredentialException"):
            await update(XksProxyAuthenticationCredential=CREDENTIAL)
        with refused("XksProxyInvalidConfigurationException"):
            await update(XksProxyUriPath="/other/kms/xks/v1")
        await use(house, "Decrypt", key_id, blob)
        with refused("CustomKeyStoreInvalidStateException"):
            await update(XksProxyUriEndpoint="https://elsewhere.example.com")
        with refused("ValidationException"):
            await update(KeyStorePassword="password")
        await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
        with refused("XksProxyUriUnreachableException"):
            await update(XksProxyUriEndpoint="https://elsewhere.example.com")
        await update(XksProxyUriEndpoint=f"https://{HOST.upper()}")
        await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
        await use(house, "Decrypt", key_id, blob)
        (entry,) = (await house.kms("DescribeCustomKeyStores"))["CustomKeyStores"]
        assert entry["CustomKeyStoreName"] == "renamed"
        assert entry["XksProxyConfiguration"]["AccessKeyId"] == "B" * 20

    in_house(body)


def test_a_key_store_is_deleted_once_it_is_empty_and_disconnected(in_house: InHouse[Any]) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house)
        key_id = (await key_in(house, store_id))["KeyId"]
        await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
        with refused("CustomKeyStoreHasCMKsException"):
            await house.kms("DeleteCustomKeyStore", CustomKeyStoreId=store_id)
        await house.kms("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        with refused("CustomKeyStoreHasCMKsException"):
            await house.kms("DeleteCustomKeyStore", CustomKeyStoreId=store_id)
        house.clock.advance(timedelta(days=8))
        await house.run_periodic_work()
        await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
        with refused("CustomKeyStoreInvalidStateException"):
            await house.kms("DeleteCustomKeyStore", CustomKeyStoreId=store_id)
        await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
        assert await house.kms("DeleteCustomKeyStore", CustomKeyStoreId=store_id) == {}
        assert (await house.kms("DescribeCustomKeyStores"))["CustomKeyStores"] == []
        for operation in ("DeleteCustomKeyStore", "ConnectCustomKeyStore", "DisconnectCustomKeyStore"):
            with refused("CustomKeyStoreNotFoundException"):
                await house.kms(operation, CustomKeyStoreId=store_id)

    in_house(body)


def test_a_key_store_is_its_accounts_and_its_regions_own(in_house: InHouse[Any]) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house)
        stranger = Caller.root("222222222222", "AKIATESTROOTKEY00002")
        for elsewhere in ({"caller": stranger}, {"region": "eu-west-1"}):
            described = await house.call("kms", "DescribeCustomKeyStores", **elsewhere)
            assert described["CustomKeyStores"] == []
            for operation in ("ConnectCustomKeyStore", "DisconnectCustomKeyStore", "UpdateCustomKeyStore"):
                with refused("CustomKeyStoreNotFoundException"):
                    await house.call("kms", operation, **elsewhere, CustomKeyStoreId=store_id)
            with refused("CustomKeyStoreNotFoundException"):
                wanted = {"Origin": "EXTERNAL_KEY_STORE", "CustomKeyStoreId": store_id, "XksKeyId": "key-1"}
                await house.call("kms", "CreateKey", **elsewhere, **wanted)

    in_house(body)


def test_what_keys_in_a_key_store_cannot_do(in_house: InHouse[Any]) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house)
        key_id = (await key_in(house, store_id))["KeyId"]
        for operation in ("EnableKeyRotation", "RotateKeyOnDemand", "GetKeyRotationStatus", "ListKeyRotations"):
            with refused("UnsupportedOperationException"):
                await house.kms(operation, KeyId=key_id)
        with refused("UnsupportedOperationException"):
            await house.kms("GenerateDataKeyPair", KeyId=key_id, KeyPairSpec="ECC_NIST_P256")
        with refused("UnsupportedOperationException"):
            await house.kms("GenerateRandom", NumberOfBytes=8, CustomKeyStoreId=store_id)

    in_house(body)
