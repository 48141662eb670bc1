"""What the directory knows of identities, and that it knows nothing any more once something has changed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse

from strongroom.base.errors import AwsError
from strongroom.identities import tables
from strongroom.identities.accounts import access_key_values
from strongroom.identities.directory import KnownIdentity, account_cache_name
from strongroom.identities.identifiers import GROUP, ROLE, USER, new_unique_id
from strongroom.storage.connection import Connection

Change = Callable[[Connection], object]
KEY_ID = "AKIATESTUSERSKEY0001"
SECRET = "s" * 40


def allow(action: str, resource: str = "*") -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": action, "Resource": resource}}
    )


async def changed(house: OpenedHouse, *changes: Change) -> None:
    def write(connection: Connection) -> None:
        for change in changes:
            change(connection)

    await house.house.store.write(write, invalidates=(account_cache_name(ACCOUNT),))


def identity(kind: str, name: str, **values: Any) -> tuple[str, Change]:
    unique_id = new_unique_id(kind)
    row = {
        "unique_id": unique_id,
        "kind": kind,
        "account_id": ACCOUNT,
        "name": name,
        "folded_name": name.lower(),
        "path": "/",
        "created_at": 0.0,
        "tags": {},
    } | values
    return unique_id, lambda connection: connection.execute(tables.IDENTITIES.insert().values(row))


def inline(unique_id: str, document: str, name: str = "inline") -> Change:
    values = {"unique_id": unique_id, "name": name, "document": document}
    return lambda connection: connection.execute(tables.INLINE_POLICIES.insert().values(values))


def attached(unique_id: str, policy_arn: str) -> Change:
    values = {"unique_id": unique_id, "policy_arn": policy_arn}
    return lambda connection: connection.execute(tables.ATTACHMENTS.insert().values(values))


def statement(sql: str, **values: Any) -> Change:
    return lambda connection: connection.execute(text(sql).bindparams(**values))


def access_key(house: OpenedHouse, principal_id: str) -> Change:
    row = access_key_values(house.house.sealer, KEY_ID, SECRET, ACCOUNT, principal_id, 0.0)
    return lambda connection: tables.insert_access_key(connection, row)


async def may_list_keys(house: OpenedHouse) -> bool | None:
    """Whether the user of KEY_ID may call kms:ListKeys; None when the key is nobody's."""
    credential = await house.house.principals.find(KEY_ID)
    if credential is None:
        return None
    try:
        await house.call("kms", "ListKeys", caller=credential.caller)
    except AwsError as error:
        if error.code != "AccessDeniedException":
            raise
        return False
    return True


async def user_with(house: OpenedHouse, *documents: str) -> str:
    user_id, insert = identity(USER, "Reader")
    inserts = [inline(user_id, document, f"inline{number}") for number, document in enumerate(documents)]
    await changed(house, insert, access_key(house, user_id), *inserts)
    return user_id


def test_every_change_bites_at_the_next_request(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        user_id = await user_with(house)
        assert await may_list_keys(house) is False
        await changed(house, inline(user_id, allow("kms:ListKeys")))
        assert await may_list_keys(house) is True
        await changed(house, statement("DELETE FROM iam_inline_policies"))
        assert await may_list_keys(house) is False
        group_id, insert = identity(GROUP, "readers")
        join = statement("INSERT INTO iam_memberships VALUES (:group, :user)", group=group_id, user=user_id)
        await changed(house, insert, inline(group_id, allow("kms:List*")), join)
        assert await may_list_keys(house) is True
        await changed(house, statement("UPDATE iam_identities SET boundary_arn = 'arn:aws:iam::aws:policy/none'"))
        assert await may_list_keys(house) is False
        await changed(house, statement("UPDATE iam_identities SET boundary_arn = NULL"))
        assert await may_list_keys(house) is True
        await changed(house, statement("UPDATE access_keys SET status = 'Inactive' WHERE access_key_id = :k", k=KEY_ID))
        assert await may_list_keys(house) is None
        await changed(house, statement("UPDATE access_keys SET status = 'Active'"))
        assert await may_list_keys(house) is True
        await changed(house, statement("DELETE FROM iam_identities WHERE unique_id = :user", user=user_id))
        assert await may_list_keys(house) is None

    in_house(body)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "not JSON",
        "[]",
        '{"Statement":[]}',
        '{"Version":"2099-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}',
        '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringMatches":{"aws:userid":"x"}}}}',
        '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","When":"always"}}',
        '{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}',
    ],
)
def test_a_stored_policy_that_cannot_be_read_denies(in_house: InHouse[None], document: str) -> None:
    async def body(house: OpenedHouse) -> None:
        await user_with(house, allow("*"), document)
        assert await may_list_keys(house) is False

    in_house(body)


def test_a_managed_policy_that_is_gone_denies(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        user_id = await user_with(house, allow("*"))
        assert await may_list_keys(house) is True
        await changed(house, attached(user_id, f"arn:aws:iam::{ACCOUNT}:policy/gone"))
        assert await may_list_keys(house) is False

    in_house(body)


def test_whom_it_knows(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        directory = house.house.directory
        role_id, role = identity(ROLE, "Deploy", path="/ci/", trust_policy="{}", tags={"team": "blue"})
        group_id, group = identity(GROUP, "readers")
        await changed(house, role, group)
        known = await directory.find(role_id)
        assert isinstance(known, KnownIdentity)
        assert known.arn == f"arn:aws:iam::{ACCOUNT}:role/ci/Deploy"
        assert known.tags == {"team": "blue"}
        assert await directory.find(role_id) is known
        assert await directory.find_by_arn(known.arn) is known
        for nobody in (
            f"arn:aws:iam::{ACCOUNT}:role/Deploy",
            f"arn:aws:iam::{ACCOUNT}:role/ci/deploy",
            f"arn:aws:iam::{ACCOUNT}:user/ci/Deploy",
            "arn:aws:iam::999999999999:role/ci/Deploy",
            f"arn:aws:sts::{ACCOUNT}:role/ci/Deploy",
            f"arn:aws:iam::{ACCOUNT}:root",
            "Deploy",
            "",
        ):
            assert await directory.find_by_arn(nobody) is None
        assert await directory.find(group_id) is None
        assert await directory.find("AROAUNKNOWN") is None

    in_house(body)


def test_what_was_read_while_a_change_came_in_is_not_kept(in_house: InHouse[None]) -> None:
    async def body(house: OpenedHouse) -> None:
        user_id = await user_with(house, allow("kms:ListKeys"))
        directory, store = house.house.directory, house.house.store
        read = store.read

        async def read_then_change(query: Callable[[Connection], Any]) -> Any:
            found = await read(query)
            if found is not None and getattr(found, "unique_id", None) == user_id:
                store.read = read  # type: ignore[method-assign]
                await changed(house, statement("DELETE FROM iam_inline_policies"))
            return found

        store.read = read_then_change  # type: ignore[method-assign,assignment]
        stale = await directory.find(user_id)
        fresh = await directory.find(user_id)
        assert stale is not None
        assert fresh is not None
        assert (len(stale.policies), len(fresh.policies)) == (1, 0)

    in_house(body)
