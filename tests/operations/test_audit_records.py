"""The ledger: every call leaves exactly one record, and no record holds a secret."""

import asyncio
import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse, opened_house
from tests.services.refusals import refused

from strongroom.base.context import Origin, new_request_id
from strongroom.envelope.sealed import SealBroken
from strongroom.operations import audit
from strongroom.operations.call import Call
from strongroom.operations.perform import perform
from strongroom.operations.registry import OPERATIONS, Answer, no_permission, operation
from strongroom.operations.trail import AuditRecord
from strongroom.services.kms.service import KMS


async def recorded(house: OpenedHouse) -> list[AuditRecord]:
    now = house.clock.now()
    return await house.house.audit.records(now - 600, now + 600)


async def perform_with_id(house: OpenedHouse, name: str, params: dict[str, Any]) -> str:
    """Perform one KMS operation, come what may, and return the id of the request."""
    now = house.clock.now()
    origin = Origin(new_request_id(now), now, "192.0.2.7", True, "1.3", "TLS_AES_256_GCM_SHA384", "agent/1", "host")
    call = perform(house.house, "kms", name, params, caller=house.caller, origin=origin, region="us-east-1")
    await asyncio.gather(call, return_exceptions=True)
    return origin.request_id


def test_every_call_leaves_one_record(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{key_id}"
        absent = "01234567-89ab-cdef-0123-456789abcdef"
        for name, params, code, resources in [
            ("Encrypt", {"KeyId": key_id, "Plaintext": b"x"}, None, [arn]),
            ("DescribeKey", {"KeyId": absent}, "NotFoundException", []),
            ("Decrypt", {"KeyId": key_id, "CiphertextBlob": b"x"}, "InvalidCiphertextException", [arn]),
            ("GenerateDataKey", {"KeyId": key_id}, "ValidationException", [arn]),
            ("Encrypt", {"KeyId": key_id, "Plaintext": b"x", "DryRun": True}, "DryRunOperationException", [arn]),
            ("DisableKey", {"KeyId": key_id}, None, [arn]),
            ("Encrypt", {"KeyId": key_id, "Plaintext": b"x"}, "DisabledException", [arn]),
            ("CancelKeyDeletion", {"KeyId": key_id}, "KMSInvalidStateException", [arn]),
            ("ListKeys", {}, None, []),
            ("GenerateRandom", {"NumberOfBytes": 8}, None, []),
        ]:
            request_id = await perform_with_id(house, name, params)
            (record,) = await house.house.audit.find(request_id)
            assert (record.operation, record.error_code) == (name, code)
            assert [each.arn for each in record.resources] == resources
            assert (record.source_ip, record.user_agent, record.host) == ("192.0.2.7", "agent/1", "host")
            assert record.identity == house.caller.identity
            assert (record.reason is None) == (not resources and code is not None)
        assert len(await recorded(house)) == 11

    in_house(body)


def test_the_resources_of_changes(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        arn = (await house.kms("CreateKey"))["KeyMetadata"]["Arn"]
        await house.kms("CreateAlias", AliasName="alias/a", TargetKeyId=arn)
        alias = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/a"
        made, named = await recorded(house)
        assert [(each.arn, each.type) for each in made.resources] == [(arn, "AWS::KMS::Key")]
        assert [(each.arn, each.type) for each in named.resources] == [
            (alias, "AWS::KMS::Alias"),
            (arn, "AWS::KMS::Key"),
        ]

    in_house(body)


def test_what_fails_inside_is_recorded_and_changes_nothing(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]

        served = OPERATIONS.pop(("kms", "Verify"))

        @operation(KMS, "Verify", needs=no_permission)
        async def fail_halfway(call: Call) -> Answer:
            def write(connection: Any) -> Answer:
                connection.execute(text("UPDATE kms_keys SET description = 'changed'"))
                raise RuntimeError("halfway")

            return await call.write(write)

        try:
            with pytest.raises(RuntimeError, match="halfway"):
                await house.kms(
                    "Verify", KeyId=key_id, Message=b"m", Signature=b"s", SigningAlgorithm="ED25519_PH_SHA_512"
                )
        finally:
            OPERATIONS["kms", "Verify"] = served
        assert (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["Description"] == ""
        (failed,) = [each for each in await recorded(house) if each.operation == "Verify"]
        assert (failed.error_code, failed.error_message) == ("InternalFailure", "")

    in_house(body)


def test_a_change_and_its_record_are_one(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        await house.house.store.write(rename("audit_batches", "away"))
        with pytest.raises(Exception, match="audit_batches"):
            await house.kms("UpdateKeyDescription", KeyId=key_id, Description="unrecorded")
        await house.house.store.write(rename("away", "audit_batches"))
        assert (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["Description"] == ""
        (failed,) = [each for each in await recorded(house) if each.operation == "UpdateKeyDescription"]
        assert failed.error_code == "InternalFailure"

    in_house(body)


def rename(old: str, new: str) -> Any:
    return lambda connection: connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}")).close()


def test_no_record_no_answer(in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "UNWRITTEN_RECORDS_MAX", 5)
    monkeypatch.setattr(audit, "RETRY_SECONDS", 0.01)

    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        await house.house.audit.flush()
        await house.house.store.write(rename("audit_batches", "away"))
        for _ in range(5):
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
        for _ in range(2):
            with refused("ServiceUnavailable", "The audit trail cannot be written."):
                await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
        await asyncio.sleep(audit.BATCH_SECONDS * 3)
        with refused("ServiceUnavailable"):
            await house.kms("DisableKey", KeyId=key_id)
        await house.house.store.write(rename("away", "audit_batches"))
        async with asyncio.timeout(5):
            while True:
                await asyncio.sleep(0.01)
                try:
                    house.house.audit.must_be_writable()
                except Exception:
                    continue
                break
        await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
        assert len([each for each in await recorded(house) if each.operation == "Encrypt"]) == 6

    in_house(body)


def test_waiting_records_are_bounded_in_bytes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "UNWRITTEN_BYTES_MAX", 10_000)

    async def main() -> None:
        async with opened_house(tmp_path) as house:
            key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
            context = {"large": "x" * 6_000}
            for _ in range(2):
                await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x", EncryptionContext=context)
            with refused("ServiceUnavailable"):
                await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")
            await house.house.audit.flush()
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x")

    asyncio.run(main())


def test_large_records_are_split_over_batches(in_house: InHouse[None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BATCH_BYTES_MAX", 1_000)
    monkeypatch.setattr(audit, "BATCHES_PER_READ", 3)

    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        for number in range(10):
            context = {str(number): "x" * 2_000 * (number % 2)}
            await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x", EncryptionContext=context)
        seen = [each.request["EncryptionContext"] for each in (await recorded(house))[1:]]
        assert [list(each) for each in seen] == [[str(number)] for number in range(10)]

    in_house(body)


def test_no_record_holds_a_secret(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        plaintext = b"canary plaintext 0123456789"
        context = {"in": "the open"}
        encrypted = await house.kms("Encrypt", KeyId=key_id, Plaintext=plaintext, EncryptionContext=context)
        await house.kms("Decrypt", CiphertextBlob=encrypted["CiphertextBlob"], EncryptionContext=context)
        data_key = await house.kms("GenerateDataKey", KeyId=key_id, KeySpec="AES_256")
        random = await house.kms("GenerateRandom", NumberOfBytes=32)
        moved = await house.kms(
            "ReEncrypt",
            CiphertextBlob=encrypted["CiphertextBlob"],
            SourceEncryptionContext=context,
            DestinationKeyId=key_id,
        )
        with refused("InvalidCiphertextException"):
            await house.kms("Decrypt", CiphertextBlob=moved["CiphertextBlob"][:-1] + b"?")
        records = await recorded(house)
        assert len(records) == 7
        written = msgspec.msgpack.encode(records) + msgspec.json.encode(records)
        secrets = [plaintext, data_key["Plaintext"], random["Plaintext"]]
        secrets += [answer["CiphertextBlob"] for answer in (encrypted, data_key, moved)]
        for secret in secrets:
            for form in (secret, base64.b64encode(secret), secret.hex().encode(), secret[:16], secret[-16:]):
                assert form not in written
        assert b"the open" in written

        def stored(connection: Any) -> bytes:
            return b"".join(bytes(row.sealed) for row in connection.execute(text("SELECT sealed FROM audit_batches")))

        assert b"the open" not in await house.house.store.read(stored)

    in_house(body)


def test_find_tells_one_request_from_its_neighbours(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        ids = [await perform_with_id(house, "ListKeys", {}) for _ in range(20)]
        assert len(set(ids)) == 20
        for request_id in (ids[0], ids[13]):
            assert [each.request_id for each in await house.house.audit.find(request_id)] == [request_id]
        house.clock.advance(timedelta(days=1))
        assert await house.house.audit.find(new_request_id(house.clock.now())) == []
        for not_ours in ("", "x", "01234567-89ab-4def-8123-456789abcdef"):
            assert await house.house.audit.find(not_ours) == []

    in_house(body)


def test_what_waits_is_written_at_the_end(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            request_id = await perform_with_id(house, "ListKeys", {})
        async with opened_house(tmp_path) as house:
            assert len(await house.house.audit.find(request_id)) == 1

    asyncio.run(main())


def test_records_are_written_soon_without_being_asked(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        def count(connection: Any) -> int:
            return int(connection.execute(text("SELECT coalesce(sum(records), 0) FROM audit_batches")).scalar_one())

        for _ in range(10):
            await house.kms("ListKeys")
        async with asyncio.timeout(5):
            while await house.house.store.read(count) < 10:
                await asyncio.sleep(0.01)
        await house.kms("ListKeys")
        async with asyncio.timeout(5):
            while await house.house.store.read(count) < 11:
                await asyncio.sleep(0.01)

    in_house(body)


@pytest.mark.parametrize(
    "change", ["first_at = first_at - 1", "records = records + 1", "batch = 'x'", "sealed = substr(sealed, 1, 50)"]
)
def test_a_batch_that_was_tampered_with_is_found_out(tmp_path: Path, change: str) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            await house.kms("ListKeys")
            await house.house.audit.flush()
            tamper = text(f"UPDATE audit_batches SET {change}")
            await house.house.store.write(lambda connection: connection.execute(tamper).close())
            with pytest.raises(SealBroken):
                await recorded(house)

    asyncio.run(main())
