"""Master passwords in a house: sealed, rotated by the clock, and never lost by a crash or by two at once."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.opened_house import ACCOUNT, InHouse, OpenedHouse
from tests.rotated_databases import RotatedDatabase, RotatedMariadb, RotatedPostgresql
from tests.services.rds.registering import PASSWORD, Registrar, members, reaching
from tests.services.refusals import refused

from strongroom.base.outbound_addresses import Address
from strongroom.operations.callers import Caller
from strongroom.rotation_functions.engine import Login
from strongroom.rotation_functions.handlers import engine_named
from strongroom.services.rds import managed_password, modification, tables
from strongroom.services.rds.database import Databases
from strongroom.storage.errors import StorageUnavailable


def test_weeks_of_rotations(in_house: InHouse[None], rotated_mariadb: RotatedMariadb) -> None:
    given = members(rotated_mariadb, ManageMasterUserPassword=True)
    identifier, username = given["DBInstanceIdentifier"], given["MasterUsername"]

    async def body(house: OpenedHouse) -> None:
        rds = Registrar(house)
        await rds("CreateDBInstance", **given)
        await rds.rotations_done()
        seen = [PASSWORD, await rds.password(identifier)]
        for _ in range(3):
            house.clock.advance(timedelta(days=7, hours=1))
            await rds.rotations_done()
            seen.append(await rds.password(identifier))
            assert rotated_mariadb.lets_in(username, seen[-1])
        assert len(set(seen)) == 5
        assert (await rds.instance(identifier))["MasterUserSecret"]["SecretStatus"] == "active"

    in_house(body, **reaching(rotated_mariadb))
    logged = rotated_mariadb.logged()
    assert username in logged
    assert PASSWORD not in logged


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_database_that_is_gone_for_a_while(
    in_house: InHouse[None], rotated_postgresql: RotatedPostgresql, monkeypatch: pytest.MonkeyPatch, is_allowed: bool
) -> None:
    """Or is not allowed any more. The secret says so, the old password stays in force, and it is tried again."""
    given = members(rotated_postgresql, ManageMasterUserPassword=True)
    identifier, username = given["DBInstanceIdentifier"], given["MasterUsername"]
    place_of, nowhere = managed_password.database_of, Address("127.0.0.1", 1)

    async def body(house: OpenedHouse) -> None:
        rds = Registrar(house)
        with monkeypatch.context() as patched:
            patched.setattr(
                managed_password, "database_of", lambda instance: place_of(instance)._replace(address=nowhere)
            )
            await rds("CreateDBInstance", **given)
            await rds.rotations_done()
            assert (await rds.instance(identifier))["MasterUserSecret"]["SecretStatus"] == "impaired"
            assert await rds.password(identifier) == PASSWORD
            assert rotated_postgresql.lets_in(username, PASSWORD)
        house.clock.advance(timedelta(minutes=5))
        await rds.rotations_done()
        assert (await rds.instance(identifier))["MasterUserSecret"]["SecretStatus"] == "active"
        assert rotated_postgresql.lets_in(username, await rds.password(identifier))
        assert not rotated_postgresql.lets_in(username, PASSWORD)

    allowed = reaching(rotated_postgresql)["outbound_addresses"]
    in_house(body, outbound_addresses=(*allowed, str(nowhere)) if is_allowed else allowed)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_while_a_password_is_set(
    in_house: InHouse[None], rotated_mariadb: RotatedMariadb, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Whether the database has it or not: the next password is set, and so is the one after it."""
    given = members(rotated_mariadb)
    identifier, username = given["DBInstanceIdentifier"], given["MasterUsername"]
    change = Databases.change_password

    async def cut(self: Databases, *args: Any) -> None:
        if when == "after":
            await change(self, *args)
        raise ConnectionAbortedError("cut short")

    async def body(house: OpenedHouse) -> None:
        rds = Registrar(house)
        await rds("CreateDBInstance", **given)
        with monkeypatch.context() as patched:
            patched.setattr(Databases, "change_password", cut)
            with pytest.raises(ConnectionAbortedError):
                await rds("ModifyDBInstance", DBInstanceIdentifier=identifier, MasterUserPassword="second-password")
        assert rotated_mariadb.lets_in(username, PASSWORD if when == "before" else "second-password")
        for password in ("third-password", "fourth-password"):
            await rds("ModifyDBInstance", DBInstanceIdentifier=identifier, MasterUserPassword=password)
            assert rotated_mariadb.lets_in(username, password)
        # And by who has it managed.
        await rds("ModifyDBInstance", DBInstanceIdentifier=identifier, ManageMasterUserPassword=True)
        await rds.rotations_done()
        assert rotated_mariadb.lets_in(username, await rds.password(identifier))

    in_house(body, **reaching(rotated_mariadb))


@pytest.mark.parametrize("trouble", [asyncio.CancelledError, lambda: StorageUnavailable("the line broke")])
def test_a_secret_stays_where_its_instance_may_have_been_written(
    in_house: InHouse[None],
    rotated_postgresql: RotatedPostgresql,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[], BaseException],
) -> None:
    """The commit is done, and whoever asked for it does not hear so: the secret alone has the password then."""
    given = members(rotated_postgresql)
    identifier = given["DBInstanceIdentifier"]
    written = modification._update

    async def written_unheard(*arguments: Any) -> Any:
        await written(*arguments)
        raise trouble()

    async def body(house: OpenedHouse) -> None:
        rds = Registrar(house)
        await rds("CreateDBInstance", **given)
        monkeypatch.setattr(modification, "_update", written_unheard)
        with pytest.raises((asyncio.CancelledError, StorageUnavailable)):
            await rds("ModifyDBInstance", DBInstanceIdentifier=identifier, ManageMasterUserPassword=True)
        assert await rds.password(identifier) == PASSWORD

    in_house(body, **reaching(rotated_postgresql))


def test_a_password_that_somebody_set_by_hand(in_house: InHouse[None], database: RotatedDatabase) -> None:
    """It is made known by ModifyDBInstance, and nothing else needs to be done."""
    given = members(database)
    identifier, username = given["DBInstanceIdentifier"], given["MasterUsername"]

    async def body(house: OpenedHouse) -> None:
        rds = Registrar(house)
        await rds("CreateDBInstance", **given)
        _set_by_hand(database, username, "set-by-hand")
        with refused("InvalidDBInstanceStateFault", match="did not change"):
            await rds("ModifyDBInstance", DBInstanceIdentifier=identifier, MasterUserPassword="cannot-be-set")
        with refused("InvalidDBInstanceStateFault", match="did not change"):
            await rds("ModifyDBInstance", DBInstanceIdentifier=identifier, ManageMasterUserPassword=True)
        await rds("ModifyDBInstance", DBInstanceIdentifier=identifier, MasterUserPassword="set-by-hand")
        await rds("ModifyDBInstance", DBInstanceIdentifier=identifier, MasterUserPassword="set-by-rds")
        assert database.lets_in(username, "set-by-rds")

    in_house(body, **reaching(database))


def _set_by_hand(database: RotatedDatabase, username: str, password: str) -> None:
    engine = engine_named(database.function)
    with engine.open(Login("127.0.0.1", database.port, username, PASSWORD, engine.default_database)) as session:
        session.change_own_password(password)


def test_one_at_a_time(in_house: InHouse[None], rotated_mariadb: RotatedMariadb) -> None:
    given = members(rotated_mariadb)
    identifier, username = given["DBInstanceIdentifier"], given["MasterUsername"]

    async def body(house: OpenedHouse) -> None:
        rds = Registrar(house)
        await rds("CreateDBInstance", **given)
        modify = [
            rds("ModifyDBInstance", DBInstanceIdentifier=identifier, MasterUserPassword=f"password-{number}")
            for number in range(5)
        ]
        done = await asyncio.gather(*modify, return_exceptions=True)
        let_through = [number for number, answer in enumerate(done) if isinstance(answer, dict)]
        assert let_through
        assert {answer.code for answer in done if not isinstance(answer, dict)} <= {"InvalidDBInstanceStateFault"}
        assert any(rotated_mariadb.lets_in(username, f"password-{number}") for number in let_through)
        await rds("ModifyDBInstance", DBInstanceIdentifier=identifier, MasterUserPassword="and-the-last")
        assert rotated_mariadb.lets_in(username, "and-the-last")
        # Whoever was killed while he had it to himself does not have it for ever.
        row = await house.house.store.read(
            lambda connection: tables.select_instance(connection, ACCOUNT, "us-east-1", identifier.lower())
        )
        assert row is not None
        assert row.held_until is None
        assert row.sealed_new_password is None
        assert PASSWORD.encode() not in row.sealed_password

    in_house(body, **reaching(rotated_mariadb))


def test_who_may(in_house: InHouse[None], rotated_postgresql: RotatedPostgresql) -> None:
    """What needs no permission of RDS alone: the secret is made with the permissions of who asks for it."""
    given = members(rotated_postgresql, ManageMasterUserPassword=True)
    identifier = given["DBInstanceIdentifier"].lower()
    arn = f"arn:aws:rds:us-east-1:{ACCOUNT}:db:{identifier}"

    async def body(house: OpenedHouse) -> None:
        rds = Registrar(house)
        nobody = await _user(house, "nobody", [])
        maker = await _user(house, "maker", [{"Action": "rds:*", "Resource": arn}])
        only_managed: dict[str, Any] = {"Action": "rds:CreateDBInstance", "Resource": arn}
        only_managed["Condition"] = {"Bool": {"rds:ManageMasterUserPassword": "true"}}
        secrets = {"Action": ["secretsmanager:*", "kms:*"], "Resource": "*"}
        careful = await _user(house, "careful", [only_managed, secrets])
        with refused("AccessDenied", match=f"rds:CreateDBInstance on resource: {arn}"):
            await house.call("rds", "CreateDBInstance", caller=nobody, **given)
        with refused("AccessDenied", match="secretsmanager:CreateSecret"):
            await house.call("rds", "CreateDBInstance", caller=maker, **given)
        assert not (await rds("DescribeDBInstances"))["DBInstances"]
        with refused("AccessDenied"):
            await house.call("rds", "CreateDBInstance", caller=careful, **given | {"ManageMasterUserPassword": False})
        await house.call("rds", "CreateDBInstance", caller=careful, **given)
        await rds.rotations_done()
        for operation, params in (
            ("DescribeDBInstances", {}),
            ("DescribeDBInstances", {"DBInstanceIdentifier": "not-there"}),
            ("ModifyDBInstance", {"DBInstanceIdentifier": identifier, "DeletionProtection": True}),
            ("DeleteDBInstance", {"DBInstanceIdentifier": "not-there"}),
            ("ListTagsForResource", {"ResourceName": arn}),
        ):
            with refused("AccessDenied", match=f"rds:{operation}"):
                await house.call("rds", operation, caller=nobody, **params)
        records = await house.house.audit.records(0, house.clock.now() + 60)
        told = [str(record) for record in records if record.service == "rds"]
        assert len(told) >= 5
        assert not [record for record in told if PASSWORD in record]

    in_house(body, **reaching(rotated_postgresql))


async def _user(house: OpenedHouse, name: str, statements: list[dict[str, Any]]) -> Caller:
    """Make a user that may do some things."""
    await house.call("iam", "CreateUser", UserName=name)
    for number, statement in enumerate(statements):
        document = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", **statement}})
        await house.call("iam", "PutUserPolicy", UserName=name, PolicyName=f"p{number}", PolicyDocument=document)
    made = await house.call("iam", "CreateAccessKey", UserName=name)
    found = await house.house.principals.find(made["AccessKey"]["AccessKeyId"])
    assert found is not None
    return found.caller


def test_what_is_kept_of_a_request_is_checked(in_house: InHouse[None], rotated_mariadb: RotatedMariadb) -> None:
    given = members(rotated_mariadb)
    identifier = given["DBInstanceIdentifier"]

    async def body(house: OpenedHouse) -> None:
        rds = Registrar(house)
        await rds("CreateDBInstance", **given)
        for password in (
            "short",
            "x" * 42,
            "with space in it",
            "with/slash",
            'with"quote',
            "with@sign",
            "naïve-password",
        ):
            with refused("InvalidParameterValue", match="not a valid password"):
                await rds("ModifyDBInstance", DBInstanceIdentifier=identifier, MasterUserPassword=password)
        for wrong in (
            {"ManageMasterUserPassword": True, "MasterUserPassword": "some-password"},
            {"RotateMasterUserPassword": True, "ApplyImmediately": True},
            {"MasterUserSecretKmsKeyId": "alias/x"},
            {"NewDBInstanceIdentifier": "another"},
            {"EngineVersion": "99"},
            {"DBPortNumber": 1},
            {"MultiAZ": True},
        ):
            with refused("InvalidParameterCombination"):
                await rds("ModifyDBInstance", DBInstanceIdentifier=identifier, **wrong)
        with refused("DBInstanceNotFoundFault"):
            await rds("ModifyDBInstance", DBInstanceIdentifier="nothing")
        told = await rds("ModifyDBInstance", DBInstanceIdentifier=identifier, DBInstanceClass="db.m5.large")
        assert told["DBInstance"]["DBInstanceClass"] == "db.m5.large"

    in_house(body, **reaching(rotated_mariadb))
