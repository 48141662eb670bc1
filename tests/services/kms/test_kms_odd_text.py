"""Text that a database may refuse: wherever a request can carry it, AWS's clear error comes back, never a failure."""

from typing import Any

from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.services.refusals import refused

from strongroom.operations.page_position import position_text

NUL = "\x00"
ARN = f"arn:aws:kms:us-east-1:{ACCOUNT}:"


def test_where_a_key_is_named(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for identifier in (
            NUL,
            f"alias/{NUL}",
            f"{ARN}alias/{NUL}",
            f"{ARN}key/{NUL}",
            f"arn:aws:kms:us-east-1:{NUL}:alias/x",
            f"arn:aws:kms:{NUL}:{ACCOUNT}:alias/x",
            f"arn:{NUL}:kms:us-east-1:{ACCOUNT}:alias/x",
            "alias/" + "x" * 2000,
            "alias/\U0010ffff",
        ):
            for operation, members in {"DescribeKey": {}, "Encrypt": {"Plaintext": b"x"}, "EnableKey": {}}.items():
                with refused("NotFoundException"):
                    await house.kms(operation, KeyId=identifier, **members)
            with refused("NotFoundException"):
                await house.kms("ListAliases", KeyId=identifier)

    in_house(body)


def test_in_markers(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        for operation in ("ListKeys", "ListAliases"):
            for after in (NUL, f"alias/{NUL}", "a\n\x00"):
                marker = position_text(operation, after, b"-_")
                with refused("InvalidMarkerException"):
                    await house.kms(operation, Marker=marker)
            marker = position_text(operation, "\U0010ffff'\"%_\\", b"-_")
            assert (await house.kms(operation, Marker=marker))["Truncated"] is False

    in_house(body)


def test_in_what_is_stored(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("CreateKey", Description="it's \U0001f511 \\ \" %"))["KeyMetadata"]["KeyId"]
        refusals: list[tuple[str, str, dict[str, Any]]] = [
            ("ValidationException", "CreateKey", {"Description": NUL}),
            ("ValidationException", "UpdateKeyDescription", {"KeyId": key_id, "Description": f"a{NUL}"}),
            ("TagException", "CreateKey", {"Tags": [{"TagKey": NUL, "TagValue": ""}]}),
            ("TagException", "TagResource", {"KeyId": key_id, "Tags": [{"TagKey": "a", "TagValue": NUL}]}),
            ("ValidationException", "PutKeyPolicy", {"KeyId": key_id, "Policy": NUL}),
        ]
        for code, operation, params in refusals:
            with refused(code):
                await house.kms(operation, **params)
        await house.kms("UntagResource", KeyId=key_id, TagKeys=[NUL])
        described = (await house.kms("DescribeKey", KeyId=key_id))["KeyMetadata"]["Description"]
        assert described == "it's \U0001f511 \\ \" %"
        tags = [{"TagKey": "it's \U0001f511 \\", "TagValue": '\u202e\ufffe "'}]
        await house.kms("TagResource", KeyId=key_id, Tags=tags)
        assert (await house.kms("ListResourceTags", KeyId=key_id))["Tags"] == tags

    in_house(body)


def test_in_encryption_contexts_and_records(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        key_id = (await house.kms("CreateKey"))["KeyMetadata"]["KeyId"]
        context = {NUL: f"{NUL}\U0001f511", "": "\ufffe"}
        answer = await house.kms("Encrypt", KeyId=key_id, Plaintext=b"x", EncryptionContext=context)
        opened = await house.kms("Decrypt", CiphertextBlob=answer["CiphertextBlob"], EncryptionContext=context)
        assert opened["Plaintext"] == b"x"
        now = house.clock.now()
        records = await house.house.audit.records(now - 60, now + 1)
        assert [each.request["EncryptionContext"] for each in records[1:]] == [context, context]

    in_house(body)
