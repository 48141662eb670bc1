"""Accounts: what making one writes down, and what it refuses."""

import asyncio
from pathlib import Path

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse, opened_house

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.identities import tables
from strongroom.identities.accounts import create_account, list_accounts
from strongroom.operations.trail import as_cloudtrail
from strongroom.server.accounts import make_account, read_accounts

NEW = "222233334444"


def test_making_one_is_recorded_without_its_secret(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            configuration: Configuration = house.house.configuration
            before = house.clock.now()
            made = await make_account(configuration, NEW, "second", None)
            records = await house.house.audit.records(before - 1, before + 60)
            (event,) = [as_cloudtrail(each) for each in records if each.operation == "CreateAccountResult"]
            assert event["serviceEventDetails"] == {"accountId": NEW, "accountName": "second"}
            assert event["recipientAccountId"] == NEW
            assert made.secret_access_key not in str(event)
            assert made.secret_access_key not in repr(made)
            # The running house finds the account's root by its key, though another process made it.
            credential = await house.house.principals.find(made.access_key_id)
            assert credential is not None
            assert credential.secret_access_key == made.secret_access_key
            assert credential.caller.arn == f"arn:aws:iam::{NEW}:root"
            assert [row.account_id for row in await read_accounts(configuration)] == [ACCOUNT, NEW]

    asyncio.run(main())


def test_nothing_is_left_of_one_that_could_not_be_recorded(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        def fail(_: object) -> None:
            raise OperatorError("not recorded")

        store = house.house.store
        with pytest.raises(OperatorError, match="not recorded"):
            await create_account(store, house.house.sealer, NEW, "second", 0.0, along=fail)
        assert [row.account_id for row in await list_accounts(store)] == [ACCOUNT]
        assert await store.read(lambda connection: tables.select_access_keys_of(connection, NEW)) == []

    in_house(body)


def test_organizations(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        store, sealer = house.house.store, house.house.sealer

        async def made_with(account_id: str, organization_id: str | None) -> str | None:
            made = await create_account(
                store, sealer, account_id, "name", 1e9, organization_id=organization_id, along=lambda _: None
            )
            return made.organization_id

        (first,) = await list_accounts(store)
        assert await made_with("200000000000", None) == first.organization_id
        assert await made_with("300000000000", "") is None
        assert await made_with("400000000000", "o-abcdefghij") == "o-abcdefghij"
        assert await made_with("500000000000", None) == first.organization_id
        with pytest.raises(OperatorError, match="organization id"):
            await made_with("600000000000", "o-ABC")

    in_house(body)
