"""AWS CloudHSM key stores, with PKCS#11 tokens that stand for the clusters."""

import shutil
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pkcs11 import Attribute, ObjectClass
from tests.opened_house import InHouse, OpenedHouse
from tests.operations.quotas.setting import with_quota
from tests.services.kms.key_stores.conftest import ABSENT, CLUSTER, COPY, Certificates, Clusters
from tests.services.refusals import refused
from tests.softhsm import PIN, SoftHsm

from strongroom.hsm.session import LoggedIn
from strongroom.hsm.token import TokenLogin, open_token
from strongroom.services.kms import tables
from strongroom.services.kms.quotas import KEYS_QUOTA

CRYPTOGRAPHIC = ("Encrypt", "Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncrypt")


@pytest.fixture
def store(certificates: Certificates) -> dict[str, Any]:
    """What creates a key store of the cluster."""
    return {
        "CustomKeyStoreName": "hsm",
        "CloudHsmClusterId": CLUSTER,
        "TrustAnchorCertificate": certificates.authority.read_text(),
        "KeyStorePassword": PIN,
    }


async def connected_store(house: OpenedHouse, store: dict[str, Any]) -> str:
    store_id: str = (await house.kms("CreateCustomKeyStore", **store))["CustomKeyStoreId"]
    await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
    assert await state_of(house, store_id) == ("CONNECTED", None)
    return store_id


async def key_in(house: OpenedHouse, store_id: str) -> dict[str, Any]:
    created = await house.kms("CreateKey", Origin="AWS_CLOUDHSM", CustomKeyStoreId=store_id)
    metadata: dict[str, Any] = created["KeyMetadata"]
    return metadata


async def state_of(house: OpenedHouse, store_id: str) -> tuple[str, str | None]:
    (entry,) = (await house.kms("DescribeCustomKeyStores", CustomKeyStoreId=store_id))["CustomKeyStores"]
    return entry["ConnectionState"], entry.get("ConnectionErrorCode")


async def use(house: OpenedHouse, operation: str, key_id: str, blob: bytes) -> Any:
    if operation == "ReEncrypt":
        return await house.kms("ReEncrypt", CiphertextBlob=blob, DestinationKeyId=key_id)
    more: dict[str, Any] = {
        "Encrypt": {"Plaintext": b"x"},
        "Decrypt": {"CiphertextBlob": blob},
        "GenerateDataKey": {"KeySpec": "AES_256"},
    }.get(operation, {})
    return await house.kms(operation, KeyId=key_id, **more)


def keys_in_token(softhsm: SoftHsm, label: str) -> dict[str, dict[str, Any]]:
    """Return what a token has, by label."""
    wanted = (
        Attribute.ID,
        Attribute.SENSITIVE,
        Attribute.EXTRACTABLE,
        Attribute.NEVER_EXTRACTABLE,
        Attribute.VALUE_LEN,
    )

    def look(logged_in: LoggedIn) -> dict[str, dict[str, Any]]:
        found = logged_in.session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY})
        return {str(key[Attribute.LABEL]): {name.name: key[name] for name in wanted} for key in found}

    with open_token(TokenLogin(softhsm.module, label, PIN)) as token:
        return token.use(look)


def test_a_key_store_and_its_key(
    with_clusters: InHouse[Any], store: dict[str, Any], softhsm: SoftHsm, clusters: Clusters
) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house, store)
        (entry,) = (await house.kms("DescribeCustomKeyStores"))["CustomKeyStores"]
        assert entry["CustomKeyStoreType"] == "AWS_CLOUDHSM"
        assert entry["CloudHsmClusterId"] == CLUSTER
        assert entry["TrustAnchorCertificate"] == store["TrustAnchorCertificate"]
        assert "XksProxyConfiguration" not in entry
        assert PIN not in str(entry)
        key = await key_in(house, store_id)
        assert (key["Origin"], key["KeyState"], key["CustomKeyStoreId"]) == ("AWS_CLOUDHSM", "Enabled", store_id)
        assert key["CloudHsmClusterId"] == CLUSTER
        assert not {"CurrentKeyMaterialId", "XksKeyConfiguration"} & key.keys()
        assert key == (await house.kms("DescribeKey", KeyId=key["KeyId"]))["KeyMetadata"]
        assert keys_in_token(softhsm, clusters.tokens[0]) == {
            key["KeyId"]: {
                "ID": uuid.UUID(key["KeyId"]).bytes,
                "SENSITIVE": True,
                "EXTRACTABLE": False,
                "NEVER_EXTRACTABLE": True,
                "VALUE_LEN": 32,
            }
        }
        materials = await house.house.store.read(
            lambda connection: tables.select_materials(connection, "us-east-1", key["KeyId"])
        )
        assert list(materials) == [], "nothing of the key is in the database"

        context = {"a": "bc"}
        for plaintext in (b"x", b"x" * 4096):
            sealed = await house.kms("Encrypt", KeyId=key["KeyId"], Plaintext=plaintext, EncryptionContext=context)
            blob = sealed["CiphertextBlob"]
            opened = await house.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=context)
            assert opened == {"KeyId": key["Arn"], "Plaintext": plaintext, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
        for wrong in ({}, {"ab": "c"}):
            with refused("InvalidCiphertextException"):
                await house.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=wrong)
        for place in (*range(18, 80, 3), len(blob) - 1):
            altered = blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]
            with refused("InvalidCiphertextException"):
                await house.kms("Decrypt", CiphertextBlob=altered, EncryptionContext=context)
        data_key = await house.kms("GenerateDataKey", KeyId=key["KeyId"], NumberOfBytes=1024)
        opened = await house.kms("Decrypt", CiphertextBlob=data_key["CiphertextBlob"])
        assert opened["Plaintext"] == data_key["Plaintext"]
        random = await house.kms("GenerateRandom", NumberOfBytes=1024, CustomKeyStoreId=store_id)
        assert len(set(random["Plaintext"])) > 200

    with_clusters(body)


def test_a_disconnected_key_store_refuses_and_comes_back(with_clusters: InHouse[Any], store: dict[str, Any]) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house, store)
        key = await key_in(house, store_id)
        blob = (await house.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x"))["CiphertextBlob"]
        await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
        assert (await house.kms("DescribeKey", KeyId=key["KeyId"]))["KeyMetadata"]["KeyState"] == "Unavailable"
        for operation in CRYPTOGRAPHIC:
            with refused(
                "KMSInvalidStateException",
                f"{key['Arn']} is unavailable. You cannot perform this operation on an unavailable KMS key.",
            ):
                await use(house, operation, key["KeyId"], blob)
        with refused("CustomKeyStoreInvalidStateException"):
            await key_in(house, store_id)
        with refused("CustomKeyStoreInvalidStateException"):
            await house.kms("GenerateRandom", NumberOfBytes=8, CustomKeyStoreId=store_id)
        await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
        for operation in CRYPTOGRAPHIC:
            await use(house, operation, key["KeyId"], blob)

    with_clusters(body)


def test_it_is_all_there_after_a_restart(with_clusters: InHouse[Any], store: dict[str, Any]) -> None:
    async def before(house: OpenedHouse) -> bytes:
        key = await key_in(house, await connected_store(house, store))
        blob: bytes = (await house.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"kept"))["CiphertextBlob"]
        return blob

    blob = with_clusters(before)

    async def after(house: OpenedHouse) -> None:
        assert (await house.kms("Decrypt", CiphertextBlob=blob))["Plaintext"] == b"kept"

    with_clusters(after)


def test_why_a_cluster_does_not_connect(
    with_clusters: InHouse[Any], store: dict[str, Any], softhsm: SoftHsm, tmp_path: Path
) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = (await house.kms("CreateCustomKeyStore", **(store | {"KeyStorePassword": "wrong-password"})))[
            "CustomKeyStoreId"
        ]
        await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
        assert await state_of(house, store_id) == ("FAILED", "INVALID_CREDENTIALS")
        with refused("CustomKeyStoreInvalidStateException"):
            await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
        with refused("CustomKeyStoreInvalidStateException"):
            await house.kms("UpdateCustomKeyStore", CustomKeyStoreId=store_id, KeyStorePassword=PIN)
        await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
        await house.kms("UpdateCustomKeyStore", CustomKeyStoreId=store_id, KeyStorePassword=PIN)
        shutil.move(softhsm.tokens, tmp_path / "away")
        try:
            await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
            state, code = await state_of(house, store_id)
            assert state == "FAILED"
            assert code in ("INSUFFICIENT_CLOUDHSM_HSMS", "INTERNAL_ERROR")
        finally:
            shutil.move(tmp_path / "away", softhsm.tokens)
        await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
        await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
        assert await state_of(house, store_id) == ("CONNECTED", None)
        with refused("CustomKeyStoreInvalidStateException"):
            await house.kms("UpdateCustomKeyStore", CustomKeyStoreId=store_id, KeyStorePassword="another-password")
        await house.kms("UpdateCustomKeyStore", CustomKeyStoreId=store_id, NewCustomKeyStoreName="renamed")

    with_clusters(body)


def test_a_wrong_password_does_not_connect_while_somebody_else_is_logged_in(
    with_clusters: InHouse[Any], store: dict[str, Any], softhsm: SoftHsm, clusters: Clusters
) -> None:
    async def body(house: OpenedHouse) -> None:
        created = await house.kms("CreateCustomKeyStore", **(store | {"KeyStorePassword": "wrong-password"}))
        with open_token(TokenLogin(softhsm.module, clusters.tokens[0], PIN)):
            await house.kms("ConnectCustomKeyStore", **created)
        assert await state_of(house, created["CustomKeyStoreId"]) == ("FAILED", "INVALID_CREDENTIALS")

    with_clusters(body)


def test_a_password_that_was_changed_in_the_cluster(
    with_clusters: InHouse[Any], store: dict[str, Any], softhsm: SoftHsm, clusters: Clusters
) -> None:
    async def before(house: OpenedHouse) -> tuple[str, str, bytes]:
        store_id = await connected_store(house, store)
        key_id = (await key_in(house, store_id))["KeyId"]
        return store_id, key_id, (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"kept"))["CiphertextBlob"]

    store_id, key_id, blob = with_clusters(before)

    def change_pin(old: str, new: str) -> None:
        with (
            open_token(TokenLogin(softhsm.module, clusters.tokens[0], old)) as token,
            token.use(lambda logged_in: logged_in.session.token.open(rw=True)) as writing,
        ):
            writing.set_pin(old, new)

    async def after(house: OpenedHouse) -> None:
        for operation in CRYPTOGRAPHIC:
            with refused("KMSInvalidStateException"):
                await use(house, operation, key_id, blob)
        change_pin("the-next-password", PIN)
        with refused("KMSInvalidStateException"):
            await use(house, "Decrypt", key_id, blob)
        await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
        assert (await house.kms("Decrypt", CiphertextBlob=blob))["Plaintext"] == b"kept"

    change_pin(PIN, "the-next-password")
    with_clusters(after)


def test_a_token_that_goes_away_and_comes_back(
    with_clusters: InHouse[Any], store: dict[str, Any], softhsm: SoftHsm, tmp_path: Path
) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house, store)
        key_id = (await key_in(house, store_id))["KeyId"]
        blob = (await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x"))["CiphertextBlob"]
        shutil.move(softhsm.tokens, tmp_path / "away")
        try:
            for operation in CRYPTOGRAPHIC:
                with refused("KMSInvalidStateException"):
                    await use(house, operation, key_id, blob)
            with refused("KMSInvalidStateException"):
                await key_in(house, store_id)
            assert await state_of(house, store_id) == ("CONNECTED", None), "it was not disconnected on purpose"
        finally:
            shutil.move(tmp_path / "away", softhsm.tokens)
        for operation in CRYPTOGRAPHIC:
            await use(house, operation, key_id, blob)

    with_clusters(body)


def test_key_material_that_somebody_destroyed(
    with_clusters: InHouse[Any], store: dict[str, Any], softhsm: SoftHsm, clusters: Clusters
) -> None:
    async def body(house: OpenedHouse) -> None:
        key = await key_in(house, await connected_store(house, store))
        with open_token(TokenLogin(softhsm.module, clusters.tokens[0], PIN)) as token:
            token.use(lambda logged_in: logged_in.destroy_key(uuid.UUID(key["KeyId"]).bytes))
        with refused("KMSInvalidStateException"):
            await house.kms("Encrypt", KeyId=key["KeyId"], Plaintext=b"x")
        metadata = (await house.kms("DescribeKey", KeyId=key["KeyId"]))["KeyMetadata"]
        assert metadata["KeyState"] == "Enabled", "changes in the cluster do not change the key's state"

    with_clusters(body)


def test_a_deleted_key_is_destroyed_in_the_cluster(
    with_clusters: InHouse[Any], store: dict[str, Any], softhsm: SoftHsm, clusters: Clusters
) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house, store)
        first, second = [(await key_in(house, store_id))["KeyId"] for _ in range(2)]
        await house.kms("ScheduleKeyDeletion", KeyId=first, PendingWindowInDays=7)
        house.clock.advance(timedelta(days=8))
        await house.run_periodic_work()
        assert set(keys_in_token(softhsm, clusters.tokens[0])) == {second}
        await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
        await house.kms("ScheduleKeyDeletion", KeyId=second, PendingWindowInDays=7)
        house.clock.advance(timedelta(days=8))
        await house.run_periodic_work()
        assert set(keys_in_token(softhsm, clusters.tokens[0])) == {second}, "it is done as far as it can be done"
        await house.kms("DeleteCustomKeyStore", CustomKeyStoreId=store_id)

    with_clusters(body)


def test_a_key_that_does_not_come_to_be_leaves_nothing_behind(
    with_clusters: InHouse[Any], store: dict[str, Any], softhsm: SoftHsm, clusters: Clusters
) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house, store)
        await with_quota(house, KEYS_QUOTA, 0)
        with refused("LimitExceededException"):
            await key_in(house, store_id)
        assert keys_in_token(softhsm, clusters.tokens[0]) == {}

    with_clusters(body)


def test_clusters_that_a_key_store_cannot_have(with_clusters: InHouse[Any], store: dict[str, Any]) -> None:
    async def body(house: OpenedHouse) -> None:
        with refused("CloudHsmClusterNotFoundException"):
            await house.kms("CreateCustomKeyStore", **(store | {"CloudHsmClusterId": "cluster-zzzzzzzzzzz"}))
        with refused("CloudHsmClusterNotActiveException"):
            await house.kms("CreateCustomKeyStore", **(store | {"CloudHsmClusterId": ABSENT}))
        with refused("IncorrectTrustAnchorException"):
            await house.kms("CreateCustomKeyStore", **(store | {"TrustAnchorCertificate": "customerCA.crt"}))
        with refused("ValidationException"):
            await house.kms("CreateCustomKeyStore", **(store | {"XksProxyUriPath": "/kms/xks/v1"}))
        with refused("ValidationException"):
            await house.kms("CreateCustomKeyStore", CustomKeyStoreName="lacks all else")
        await house.kms("CreateCustomKeyStore", **store)
        with refused("CustomKeyStoreNameInUseException"):
            await house.kms("CreateCustomKeyStore", **(store | {"CloudHsmClusterId": COPY}))
        for region in ("us-east-1", "eu-west-1"):
            with refused("CloudHsmClusterInUseException"):
                await house.call("kms", "CreateCustomKeyStore", region=region, **(store | {"CustomKeyStoreName": "b"}))

    with_clusters(body)


def test_only_a_copy_of_the_cluster_takes_its_place(
    with_clusters: InHouse[Any], store: dict[str, Any], softhsm: SoftHsm, clusters: Clusters
) -> None:
    async def body(house: OpenedHouse) -> None:
        store_id = await connected_store(house, store)
        key_id = (await key_in(house, store_id))["KeyId"]
        await house.kms("DisconnectCustomKeyStore", CustomKeyStoreId=store_id)
        with refused("CloudHsmClusterNotRelatedException"):
            await house.kms("UpdateCustomKeyStore", CustomKeyStoreId=store_id, CloudHsmClusterId=COPY)
        with refused("CloudHsmClusterNotActiveException"):
            await house.kms("UpdateCustomKeyStore", CustomKeyStoreId=store_id, CloudHsmClusterId=ABSENT)
        # Somebody restores a backup of the cluster.
        with open_token(TokenLogin(softhsm.module, clusters.tokens[1], PIN)) as token:
            token.use(lambda logged_in: logged_in.generate_key(key_id, uuid.UUID(key_id).bytes))
        await house.kms("UpdateCustomKeyStore", CustomKeyStoreId=store_id, CloudHsmClusterId=COPY)
        await house.kms("ConnectCustomKeyStore", CustomKeyStoreId=store_id)
        assert (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["CloudHsmClusterId"] == COPY
        await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")

    with_clusters(body)
