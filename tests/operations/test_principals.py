"""Access keys: made once, sealed, found by their id, forgotten with a change."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse, opened_house

from strongroom.base.errors import OperatorError
from strongroom.operations.principals import new_access_key_id, new_secret_access_key

CHOSEN_ID, CHOSEN_SECRET = "AKIACHOSENBYOPERATOR", "chosen-by-the-operator-0123456789/+="


def test_new_credentials_have_aws_s_form() -> None:
    assert re.fullmatch("AKIA[A-Z2-7]{16}", new_access_key_id())
    assert re.fullmatch("[A-Za-z0-9+/]{40}", new_secret_access_key())
    assert len({new_secret_access_key() for _ in range(50)}) == 50


def test_the_first_start_makes_one_key_for_good(tmp_path: Path) -> None:
    async def main() -> None:
        found = []
        for _ in range(2):
            async with opened_house(tmp_path) as house:
                credential = await house.house.principals.root_access_key(ACCOUNT)
                assert credential is not None
                found.append((credential.caller.identity.access_key_id, credential.secret_access_key))
        assert found[0] == found[1]

    asyncio.run(main())


def test_it_stands_for_the_root_user(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        principals = house.house.principals
        credential = await principals.root_access_key(ACCOUNT)
        assert credential is not None
        caller = credential.caller
        assert (caller.account_id, caller.user_id) == (ACCOUNT, ACCOUNT)
        assert caller.arn == f"arn:aws:iam::{ACCOUNT}:root"
        access_key_id = caller.identity.access_key_id
        assert principals.known(access_key_id) is await principals.find(access_key_id)
        assert await principals.find("AKIAUNKNOWNUNKNOWN01") is None
        assert await principals.find("AKIA\U0001f511") is None
        assert credential.secret_access_key not in repr(credential)

    in_house(body)


def test_a_key_that_is_switched_off_is_nobody_s_at_once(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        principals = house.house.principals
        credential = await principals.root_access_key(ACCOUNT)
        assert credential is not None
        access_key_id = credential.caller.identity.access_key_id
        for status, is_found in (("Inactive", False), ("Active", True)):
            change = text("UPDATE access_keys SET status = :status").bindparams(status=status)

            def write(connection: Any, change: Any = change) -> None:
                connection.execute(change)

            await house.house.store.write(write, invalidates=(f"access-key/{access_key_id}",))
            assert principals.known(access_key_id) is None
            assert (await principals.find(access_key_id) is not None) == is_found

    in_house(body)


def test_its_secret_opens_in_its_own_place_only(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        credential = await house.house.principals.root_access_key(ACCOUNT)
        assert credential is not None
        move = text("UPDATE access_keys SET access_key_id = 'AKIAMOVEDMOVEDMOVED1'")
        await house.house.store.write(lambda connection: connection.execute(move).close())
        with pytest.raises(Exception, match="AKIAMOVEDMOVEDMOVED1"):
            await house.house.principals.find("AKIAMOVEDMOVEDMOVED1")

    in_house(body)


@pytest.mark.parametrize(
    ("access_key_id", "secret"),
    [
        ("AKIASHORT", CHOSEN_SECRET),
        ("AKIA-WITH-DASHES-IN-IT", CHOSEN_SECRET),
        ("x" * 129, CHOSEN_SECRET),
        ("AKIAÄÖÜAKIAÄÖÜAKIAÄÖ", CHOSEN_SECRET),
        (CHOSEN_ID, "short"),
        (CHOSEN_ID, "x" * 129),
        (CHOSEN_ID, "with\na\nnewline\nin it"),
    ],
)
def test_keys_that_no_client_could_use(tmp_path: Path, access_key_id: str, secret: str) -> None:
    async def main() -> None:
        async with opened_house(tmp_path) as house:
            with pytest.raises(OperatorError):
                await house.house.principals.ensure_root_access_key("444455556666", 0.0, access_key_id, secret)
            assert await house.house.principals.root_access_key("444455556666") is None

    asyncio.run(main())


def test_a_chosen_key(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        principals = house.house.principals
        await principals.ensure_root_access_key("444455556666", 0.0, CHOSEN_ID, CHOSEN_SECRET)
        credential = await principals.find(CHOSEN_ID)
        assert credential is not None
        assert credential.secret_access_key == CHOSEN_SECRET
        assert credential.caller.arn == "arn:aws:iam::444455556666:root"

    in_house(body)
