"""Accounts, users, roles, policies and identity providers, written straight into a house's store."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update
from tests.migrated_databases import put_migrated_sqlite
from tests.running_server import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY

from strongroom.base.arn import parse_arn
from strongroom.base.clock import Clock
from strongroom.base.configuration import Configuration
from strongroom.crypto.one_time_password import code_at, new_seed, step_at
from strongroom.identities import tables
from strongroom.identities.accounts import access_key_values
from strongroom.identities.directory import account_cache_name
from strongroom.identities.identifiers import ROLE, USER, identity_arn, new_access_key_id, new_unique_id
from strongroom.identities.identifiers import new_secret_access_key as new_secret
from strongroom.identities.mfa import seed_place
from strongroom.operations.callers import Caller
from strongroom.operations.house import House
from strongroom.server.house import open_house
from strongroom.storage.connection import Connection

ACCOUNT = "111122223333"
Statement = dict[str, Any]


def document(*statements: Statement) -> str:
    """Return a policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> Statement:
    """Return a statement that allows."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(principal: Any, action: str | list[str] = "sts:AssumeRole", **more: Any) -> Statement:
    """Return a statement of a trust policy that allows; a plain `principal` is an AWS one."""
    named = principal if isinstance(principal, dict) else {"AWS": principal}
    return {"Effect": "Allow", "Principal": named, "Action": action, **more}


@dataclass(frozen=True)
class Made:
    """A user or role that was made. A user has an access key."""

    unique_id: str
    account_id: str
    name: str
    arn: str
    access_key_id: str = ""
    secret_access_key: str = ""


class Identities:
    """Makes identities in one house."""

    def __init__(self, house: House) -> None:
        self.house = house

    async def user(
        self, name: str, *statements: Statement, account_id: str = ACCOUNT, tags: dict[str, str] | None = None
    ) -> Made:
        """Make a user with an access key and, if there are statements, an inline policy of them."""
        return await self._make(USER, name, statements, account_id, tags=tags or {})

    async def role(
        self,
        name: str,
        *statements: Statement,
        trusts: list[Statement],
        account_id: str = ACCOUNT,
        path: str = "/",
        tags: dict[str, str] | None = None,
        max_session_seconds: int = 3600,
    ) -> Made:
        """Make a role with a trust policy and, if there are statements, an inline policy of them."""
        return await self._make(
            ROLE,
            name,
            statements,
            account_id,
            tags=tags or {},
            path=path,
            trust_policy=document(*trusts),
            max_session_seconds=max_session_seconds,
        )

    async def _make(
        self, kind: str, name: str, statements: tuple[Statement, ...], account_id: str, path: str = "/", **values: Any
    ) -> Made:
        unique_id, now = new_unique_id(kind), self.house.clock.now()
        key_id, secret = (new_access_key_id(), new_secret()) if kind == USER else ("", "")
        row = {
            "unique_id": unique_id,
            "kind": kind,
            "account_id": account_id,
            "name": name,
            "folded_name": name.lower(),
            "path": path,
            "created_at": now,
            **values,
        }
        key = access_key_values(self.house.sealer, key_id, secret, account_id, unique_id, now) if key_id else None

        def insert(connection: Connection) -> None:
            connection.execute(tables.IDENTITIES.insert().values(row))
            if key is not None:
                tables.insert_access_key(connection, key)

        await self.house.store.write(insert, invalidates=(account_cache_name(account_id),))
        made = Made(unique_id, account_id, name, identity_arn("aws", account_id, kind, path, name), key_id, secret)
        if statements:
            await self.put_policy(made, "inline", document(*statements))
        return made

    async def put_policy(self, made: Made, name: str, text: str) -> None:
        """Put an inline policy on a user or role."""
        row = {"unique_id": made.unique_id, "name": name, "document": text}
        await self._write(
            made.account_id, lambda connection: connection.execute(tables.INLINE_POLICIES.insert().values(row))
        )

    async def delete_policy(self, made: Made, name: str = "inline") -> None:
        """Take an inline policy away."""
        table = tables.INLINE_POLICIES
        this = (table.c.unique_id == made.unique_id) & (table.c.name == name)
        await self._write(made.account_id, lambda connection: connection.execute(delete(table).where(this)))

    async def trust(self, made: Made, *statements: Statement) -> None:
        """Replace the trust policy of a role."""
        table = tables.IDENTITIES
        change = update(table).where(table.c.unique_id == made.unique_id).values(trust_policy=document(*statements))
        await self._write(made.account_id, lambda connection: connection.execute(change))

    async def delete(self, made: Made) -> None:
        """Delete a user or role with all that hangs on it."""
        table, keys = tables.IDENTITIES, tables.ACCESS_KEYS

        def remove(connection: Connection) -> None:
            connection.execute(delete(keys).where(keys.c.principal_id == made.unique_id))
            connection.execute(delete(table).where(table.c.unique_id == made.unique_id))

        await self._write(made.account_id, remove)

    async def managed_policy(self, arn: str, text: str) -> None:
        """Make a customer managed policy with one version."""
        parts = parse_arn(arn)
        assert parts is not None
        policy_id, now, name = new_unique_id("policy"), self.house.clock.now(), arn.rsplit("/", 1)[1]

        def insert(connection: Connection) -> None:
            connection.execute(
                tables.MANAGED_POLICIES.insert().values(
                    policy_id=policy_id,
                    arn=arn,
                    account_id=parts.account_id,
                    name=name,
                    folded_name=name.lower(),
                    path="/",
                    created_at=now,
                    updated_at=now,
                    tags={},
                    default_version=1,
                    newest_version=1,
                )
            )
            connection.execute(
                tables.POLICY_VERSIONS.insert().values(policy_id=policy_id, version=1, document=text, created_at=now)
            )

        await self._write(parts.account_id, insert)

    async def replace_managed_policy(self, arn: str, text: str) -> None:
        """Give the only version of a customer managed policy another document."""
        policies, versions = tables.MANAGED_POLICIES, tables.POLICY_VERSIONS
        of_policy = versions.c.policy_id == select(policies.c.policy_id).where(policies.c.arn == arn).scalar_subquery()
        change = update(versions).where(of_policy).values(document=text)
        await self._write(arn.split(":")[4], lambda connection: connection.execute(change))

    async def delete_managed_policy(self, arn: str) -> None:
        """Delete a customer managed policy."""
        table = tables.MANAGED_POLICIES
        change = delete(table).where(table.c.arn == arn)
        await self._write(arn.split(":")[4], lambda connection: connection.execute(change))

    async def mfa_device(self, owner: str, account_id: str = ACCOUNT) -> tuple[str, bytes]:
        """Make an enabled virtual MFA device of a user (unique id) or root user (account id): serial number, seed."""
        serial, seed = f"arn:aws:iam::{account_id}:mfa/{owner}", new_seed()
        row = {
            "serial_number": serial,
            "account_id": account_id,
            "principal_id": owner,
            "created_at": self.house.clock.now(),
            "enabled_at": self.house.clock.now(),
            "last_used_step": 0,
            "tags": {},
            "sealed": self.house.sealer.seal(seed, seed_place(serial)),
        }
        insert = tables.MFA_DEVICES.insert().values(row)
        await self._write(account_id, lambda connection: connection.execute(insert))
        return serial, seed

    def code(self, seed: bytes, steps: int = 0) -> str:
        """Return the code that a device shows now, or so many steps of 30 seconds later."""
        return code_at(seed, step_at(self.house.clock.wall()) + steps)

    async def oidc_provider(
        self, url: str, client_ids: list[str], thumbprints: list[str] | None = None, account_id: str = ACCOUNT
    ) -> str:
        """Make an OpenID Connect provider and return its ARN. `url` begins with https://."""
        name = url.removeprefix("https://")
        arn = f"arn:aws:iam::{account_id}:oidc-provider/{name}"
        row = {
            "arn": arn,
            "account_id": account_id,
            "url": name,
            "client_ids": client_ids,
            "thumbprints": thumbprints or [],
            "created_at": self.house.clock.now(),
            "tags": {},
        }
        await self._write(account_id, lambda connection: connection.execute(tables.OIDC_PROVIDERS.insert().values(row)))
        return arn

    async def caller(self, made: Made) -> Caller:
        """Return a user as the signature check would, freshly."""
        credential = await self.house.principals.find(made.access_key_id)
        assert credential is not None
        return credential.caller

    async def session(self, answer: dict[str, Any]) -> Caller:
        """Return who acts with the credentials of an STS answer, as the signature check would."""
        given = answer["Credentials"]
        credential = await self.house.principals.find(given["AccessKeyId"], given["SessionToken"])
        assert credential is not None
        return credential.caller

    async def _write(self, account_id: str, change: Any) -> None:
        def write(connection: Connection) -> None:
            change(connection)

        await self.house.store.write(write, invalidates=(account_cache_name(account_id),))


async def house_to_be_served(home: Path, clock: Clock | None = None) -> House:
    """Open the house that `RunningServer(home, options=served_options(home))` will serve, before it does."""
    data = home / "data"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    configuration = Configuration(
        data=data,
        account_id=ACCOUNT,
        root_key_file=home / "root.key",
        root_access_key_id=ROOT_ACCESS_KEY_ID,
        root_secret_access_key=ROOT_SECRET_ACCESS_KEY,
        request_quotas="off",
    )
    if not configuration.sqlite_file.exists():
        await put_migrated_sqlite(configuration.sqlite_file)
    return await open_house(configuration, clock or Clock())


def served_options(home: Path) -> tuple[str, ...]:
    """Return the options of a server that serves such a house."""
    return "--account-id", ACCOUNT, "--root-key-file", str(home / "root.key")
