"""SecureString parameters: what KMS is asked for, as whom, and what becomes of a value when it says no."""

import asyncio
import base64
from typing import Any

import pytest
from tests.identities_made import allow, document
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.kms.made_identities import make_identity, statement, user
from tests.services.refusals import refused
from tests.services.ssm.asking import ARN, InSqliteHouse, ask, put, records, value

from strongroom.base.errors import AwsError
from strongroom.envelope.sealed import SealBroken
from strongroom.operations.callers import Caller
from strongroom.services.ssm import tables
from strongroom.services.ssm.envelopes import START, encrypted_data_key_of, open_envelope

SECURE = {"Type": "SecureString"}


async def _new_key(house: OpenedHouse, **params: Any) -> str:
    key_id: str = (await house.kms("CreateKey", **params))["KeyMetadata"]["KeyId"]
    return key_id


async def _made_user(house: OpenedHouse, name: str, *statements: dict[str, Any]) -> Caller:
    return await user(house, await make_identity(house, "user", name, document(*statements)))


@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_what_kms_is_asked_for(in_house: InHouse[None], tier: str) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "/app/secret", "geheim é", **SECURE, Tier=tier)
        assert await value(house, "/app/secret") == "geheim é"
        asked = [record for record in await records(house, "kms.amazonaws.com") if record.request is not None]
        encrypts = "Encrypt" if tier == "Standard" else "GenerateDataKey"
        assert [record.operation for record in asked] == [encrypts, "Decrypt"]
        for record in asked:
            assert record.request["EncryptionContext"] == {"PARAMETER_ARN": f"{ARN}/app/secret"}
            assert record.via == "ssm"
            assert "Plaintext" not in record.request
        assert asked[0].request["KeyId"] == "alias/aws/ssm"

    in_house(body)


def test_a_ciphertext_is_shown_and_opens_in_kms(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await _new_key(house)
        context = {"PARAMETER_ARN": f"{ARN}/p"}
        await put(house, "/p", "geheim", **SECURE, KeyId=key_id)
        blob = base64.b64decode(await value(house, "/p", WithDecryption=False))
        assert (await house.kms("Decrypt", CiphertextBlob=blob, EncryptionContext=context))["Plaintext"] == b"geheim"
        with refused("InvalidCiphertextException"):
            await house.kms("Decrypt", CiphertextBlob=blob)
        await put(house, "/p", "geheim", Overwrite=True, Tier="Advanced", KeyId=key_id)
        envelope = base64.b64decode(await value(house, "/p", WithDecryption=False))
        assert envelope.startswith(START)
        encrypted = encrypted_data_key_of(envelope)
        data_key = await house.kms("Decrypt", CiphertextBlob=encrypted, EncryptionContext=context)
        assert open_envelope(data_key["Plaintext"], envelope, context["PARAMETER_ARN"]) == b"geheim"
        # The version before is as it was, and both are in the history.
        assert await value(house, "/p:1") == "geheim"
        for decrypted in (True, False):
            history = await ask(house, "GetParameterHistory", Name="/p", WithDecryption=decrypted)
            values = [each["Value"] for each in history["Parameters"]]
            assert (values == ["geheim", "geheim"]) is decrypted
        # String and StringList have nothing to decrypt.
        await put(house, "/q", "plain")
        assert await value(house, "/q", WithDecryption=False) == await value(house, "/q") == "plain"

    in_sqlite_house(body)


def test_keys_by_every_name(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await _new_key(house)
        await house.kms("CreateAlias", AliasName="alias/mine", TargetKeyId=key_id)
        for named in (key_id, f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}", "alias/mine"):
            await put(house, "p", "geheim", **SECURE, KeyId=named, Overwrite=True)
            described = (await ask(house, "DescribeParameters"))["Parameters"][0]
            assert described["KeyId"] == named
            assert await value(house, "p") == "geheim"
        # Without a key it stays under the one that it has.
        await put(house, "p", "geheim", Overwrite=True)
        assert (await ask(house, "DescribeParameters"))["Parameters"][0]["KeyId"] == "alias/mine"
        await put(house, "p", "geheim", Overwrite=True, KeyId="alias/aws/ssm")
        assert (await ask(house, "DescribeParameters"))["Parameters"][0]["KeyId"] == "alias/aws/ssm"
        unknown = "11111111-2222-3333-4444-555555555555"
        for named in (unknown, "alias/nothing", "nonsense"):
            with refused("InvalidKeyId"):
                await put(house, "q", **SECURE, KeyId=named)
        with pytest.raises(AwsError) as caught:
            await put(house, "q", **SECURE, KeyId=unknown)
        lead = (
            f"Key 'arn:aws:kms:us-east-1:{ACCOUNT}:key/{unknown}' does not exist (Service: AWSKMS; Status Code: 400; "
        )
        assert caught.value.message.startswith(lead + "Error Code: NotFoundException; Request ID: ")
        with refused("InvalidKeyId"):
            await put(
                house, "q", **SECURE, KeyId=await _new_key(house, KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")
            )

    in_sqlite_house(body)


def test_a_disabled_key_hides_the_value_until_it_is_enabled(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await _new_key(house)
        for name, tier in (("/a/standard", "Standard"), ("/a/advanced", "Advanced")):
            await put(house, name, "geheim", **SECURE, KeyId=key_id, Tier=tier)
        arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"
        for operation, back, says, code in (
            ("DisableKey", ("EnableKey",), f"{arn} is disabled.", "DisabledException"),
            (
                "ScheduleKeyDeletion",
                ("CancelKeyDeletion", "EnableKey"),
                f"{arn} is pending deletion.",
                "KMSInvalidStateException",
            ),
        ):
            assert await value(house, "/a/standard") == await value(house, "/a/advanced") == "geheim"
            await house.kms(operation, KeyId=key_id)
            for name in ("/a/standard", "/a/advanced"):
                with pytest.raises(AwsError) as caught:
                    await value(house, name)
                assert caught.value.code == "InvalidKeyId"
                lead = f"{says} (Service: AWSKMS; Status Code: 400; Error Code: {code}; Request ID: "
                assert caught.value.message.startswith(lead)
                assert await value(house, name, WithDecryption=False)
            for listing in ("GetParameters", "GetParametersByPath"):
                named: dict[str, Any] = {"Names": ["/a/standard"]} if listing == "GetParameters" else {"Path": "/a"}
                with refused("InvalidKeyId"):
                    await ask(house, listing, **named, WithDecryption=True)
            with refused("InvalidKeyId"):
                await put(house, "/a/standard", "new", Overwrite=True, KeyId=key_id)
            for again in back:
                await house.kms(again, KeyId=key_id)
        assert await value(house, "/a/standard") == await value(house, "/a/advanced") == "geheim"

    in_sqlite_house(body)


def test_both_permissions_are_needed(in_sqlite_house: InSqliteHouse) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = await _new_key(house)
        key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"
        for name, tier in (("/app/standard", "Standard"), ("/app/advanced", "Advanced")):
            await put(house, name, "geheim", **SECURE, KeyId=key_id, Tier=tier)
        reader = await _made_user(house, "reader", allow("ssm:Get*", f"{ARN}/app/*"))
        decrypts = await _made_user(house, "decrypts", allow("kms:Decrypt", key))
        both = await _made_user(house, "both", allow("ssm:*"), allow("kms:Decrypt", key))
        through = {"Condition": {"StringEquals": {"kms:ViaService": "ssm.us-east-1.amazonaws.com"}}}
        context = {"StringEquals": {"kms:EncryptionContext:PARAMETER_ARN": f"{ARN}/app/standard"}}
        via = await _made_user(house, "via", allow("ssm:*"), allow("kms:*", key, **through))
        one = await _made_user(house, "one", allow("ssm:*"), allow("kms:Decrypt", key, Condition=context))
        for name in ("/app/standard", "/app/advanced"):
            assert await value(house, name, caller=reader, WithDecryption=False)
            with pytest.raises(AwsError) as caught:
                await value(house, name, caller=reader)
            assert caught.value.code == "AccessDeniedException"
            assert "is not authorized to perform: kms:Decrypt" in caught.value.message
            assert "Error Code: AccessDeniedException; Request ID: " in caught.value.message
            with refused("AccessDeniedException"):
                await value(house, name, caller=decrypts)
            for caller in (both, via):
                assert await value(house, name, caller=caller) == "geheim"
        assert await value(house, "/app/standard", caller=one) == "geheim"
        with refused("AccessDeniedException"):
            await value(house, "/app/advanced", caller=one)
        # To write takes kms:Encrypt, or kms:GenerateDataKey for an advanced parameter.
        encrypts = await _made_user(house, "encrypts", allow("ssm:*"), allow("kms:Encrypt", key))
        await put(house, "/new", "x", **SECURE, KeyId=key_id, caller=encrypts)
        with refused("AccessDeniedException"):
            await put(house, "/new-too", "x", **SECURE, KeyId=key_id, Tier="Advanced", caller=encrypts)
        await put(house, "/new-too", "x", **SECURE, KeyId=key_id, Tier="Advanced", caller=via)
        with refused("AccessDeniedException"):
            await put(house, "/new-three", "x", **SECURE, KeyId=key_id, caller=both)
        # The default key is anybody's in the account who may use Parameter Store.
        ssm_only = await _made_user(house, "ssm-only", statement("Allow", "ssm:*"))
        await put(house, "/default", "mine", **SECURE, caller=ssm_only)
        assert await value(house, "/default", caller=ssm_only) == "mine"

    in_sqlite_house(body)


def test_every_value_is_sealed_for_its_own_version(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for name, kind in (("one", "String"), ("two", "StringList"), ("three", "SecureString")):
            await put(house, name, f"PLAIN-TEXT-OF-{name}", Type=kind)

        def rows(connection: Any) -> Any:
            return connection.execute(tables.VERSIONS.select()).all()

        found = await house.house.store.read(rows)
        assert len(found) == 3
        assert all(b"PLAIN-TEXT" not in row.sealed for row in found)
        swapped = {"sealed": found[0].sealed}
        other = tables.VERSIONS.c.parameter_id == found[1].parameter_id
        await house.house.store.write(
            lambda connection: connection.execute(tables.VERSIONS.update().where(other).values(swapped)) and None,
            invalidates=(),
        )
        house.house.store._invalidate(())
        broken = 0
        for name in ("one", "two", "three"):
            try:
                await value(house, name)
            except SealBroken:
                broken += 1
        assert broken == 1

    in_house(body)


def test_a_warm_read_touches_no_database(in_sqlite_house: InSqliteHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "/p", "geheim", **SECURE)
        assert await value(house, "/p") == "geheim"
        reads = 0
        store = house.house.store
        read = store.read

        async def counted(query: Any) -> Any:
            nonlocal reads
            reads += 1
            return await read(query)

        monkeypatch.setattr(store, "read", counted)
        for _ in range(20):
            assert await value(house, "/p") == await value(house, "/p:1") == "geheim"
        assert reads == 0
        # A change counts at the next request.
        await put(house, "/p", "new", Overwrite=True)
        assert await value(house, "/p") == "new"
        assert reads > 0
        await ask(house, "DeleteParameter", Name="/p")
        with refused("ParameterNotFound"):
            await value(house, "/p")

    in_sqlite_house(body)


def test_writers_at_once_each_get_a_version(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        await put(house, "p", "0", **SECURE)
        versions = await asyncio.gather(*(put(house, "p", f"{number}", Overwrite=True) for number in range(5)))
        assert sorted(versions) == [2, 3, 4, 5, 6]
        for version, number in zip(versions, range(5), strict=True):
            assert await value(house, f"p:{version}") == str(number)
        made = await asyncio.gather(*(put(house, "q") for _ in range(4)), return_exceptions=True)
        assert sorted(str(each) for each in made)[0] == "1"
        assert [getattr(each, "code", None) for each in made].count("ParameterAlreadyExists") == 3

    in_house(body)
