"""Users, groups and roles made directly in the tables, and the callers that they are."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete
from tests.opened_house import ACCOUNT, OpenedHouse

from strongroom.identities import tables
from strongroom.identities.accounts import create_account
from strongroom.identities.directory import account_cache_name
from strongroom.identities.identifiers import new_access_key_id, new_unique_id
from strongroom.identities.sessions import FEDERATED_SESSION, ROLE_SESSION, Session
from strongroom.operations.callers import Caller
from strongroom.operations.session_callers import caller_of, user_caller

TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}'


def statement(effect: str, action: str | Sequence[str], resource: str = "*", **more: Any) -> dict[str, Any]:
    """Return one statement of an identity policy."""
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements: Mapping[str, Any]) -> str:
    """Return a policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


async def make_account(house: OpenedHouse, account_id: str) -> None:
    """Make another account on this server."""
    inner = house.house
    await create_account(inner.store, inner.sealer, account_id, "other", house.clock.now(), along=lambda _: None)


async def make_identity(
    house: OpenedHouse,
    kind: str,
    name: str,
    *policies: str,
    account_id: str = ACCOUNT,
    tags: Mapping[str, str] | None = None,
    boundary: str | None = None,
) -> str:
    """Insert a user, group or role with inline policies; return its unique id."""
    unique_id = new_unique_id(kind)
    boundary_arn = None if boundary is None else f"arn:aws:iam::{account_id}:policy/limit-of-{name}"

    def insert(connection: Any) -> None:
        if boundary is not None:
            policy_id = new_unique_id("policy")
            common = {"account_id": account_id, "path": "/", "created_at": 0.0, "tags": {}}
            of_policy = {"policy_id": policy_id, "arn": boundary_arn, "name": f"limit-of-{name}", "updated_at": 0.0}
            versions = {"folded_name": f"limit-of-{name}".lower(), "default_version": 1, "newest_version": 1}
            connection.execute(tables.MANAGED_POLICIES.insert().values(**common, **of_policy, **versions))
            version = {"policy_id": policy_id, "version": 1, "document": boundary, "created_at": 0.0}
            connection.execute(tables.POLICY_VERSIONS.insert().values(version))
        values = {
            "unique_id": unique_id,
            "kind": kind,
            "account_id": account_id,
            "name": name,
            "folded_name": name.lower(),
            "path": "/",
            "created_at": 0.0,
            "tags": dict(tags or {}),
            "boundary_arn": boundary_arn,
            "trust_policy": TRUST if kind == "role" else None,
        }
        connection.execute(tables.IDENTITIES.insert().values(values))
        for number, text in enumerate(policies):
            row = {"unique_id": unique_id, "name": f"p{number}", "document": text}
            connection.execute(tables.INLINE_POLICIES.insert().values(row))

    await house.house.store.write(insert, invalidates=(account_cache_name(account_id),))
    return unique_id


async def join(house: OpenedHouse, group_id: str, user_id: str, account_id: str = ACCOUNT) -> None:
    """Put a user into a group."""
    row = {"group_id": group_id, "user_id": user_id}
    await house.house.store.write(
        lambda connection: connection.execute(tables.MEMBERSHIPS.insert().values(row)) and None,
        invalidates=(account_cache_name(account_id),),
    )


async def remove_identity(house: OpenedHouse, unique_id: str, account_id: str = ACCOUNT) -> None:
    """Delete a user or role."""
    statement_ = delete(tables.IDENTITIES).where(tables.IDENTITIES.c.unique_id == unique_id)
    await house.house.store.write(
        lambda connection: connection.execute(statement_) and None, invalidates=(account_cache_name(account_id),)
    )


async def user(house: OpenedHouse, unique_id: str) -> Caller:
    """Return the user as it calls."""
    known = await house.house.directory.find(unique_id)
    assert known is not None
    return user_caller(known, "AKIATESTUSERKEY00001", None)


async def session(
    house: OpenedHouse,
    issuer_id: str,
    name: str = "alice",
    *,
    policies: tuple[str, ...] = (),
    tags: Mapping[str, str] | None = None,
    federated: bool = False,
    account_id: str = ACCOUNT,
) -> Caller:
    """Return a session of a role, or of a federated user whom a user vouches for."""
    now = house.clock.wall()
    made = Session(
        kind=FEDERATED_SESSION if federated else ROLE_SESSION,
        account_id=account_id,
        issuer_id=issuer_id,
        name=name,
        access_key_id=new_access_key_id(temporary=True),
        secret_access_key="of no use here",
        has_policies=bool(policies),
        issued_at=now,
        expires_at=now + 3600,
        policies=policies,
        tags=dict(tags or {}),
    )
    caller = await caller_of(made, house.house.directory, None)
    assert caller is not None
    return caller
