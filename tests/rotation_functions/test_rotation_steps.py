"""The ready-made functions' four steps, against real databases and a running server."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from tests.rotated_databases import HOST, RotatedDatabase
from tests.rotation_functions.steps import STEPS, Secret
from tests.running_server import RunningServer

from strongroom.rotation_functions import engine
from strongroom.rotation_functions import steps as rotation_steps
from strongroom.rotation_functions.engine import Login, LoginError
from strongroom.rotation_functions.handlers import engine_named
from strongroom.rotation_functions.secret import RotationError


@pytest.fixture
def client(server: RunningServer) -> Iterator[Any]:
    yield server.client("secretsmanager")
    rotation_steps._clients.clear()


def place(database: RotatedDatabase, **more: Any) -> dict[str, Any]:
    return {"engine": database.engine, "host": HOST, "port": database.port, "dbname": database.name} | more


def one_user(client: Any, database: RotatedDatabase, **more: Any) -> Secret:
    password = f"first-{uuid.uuid4().hex}"
    values = place(database, username=database.make_user(password), password=password, note="kept", **more)
    return Secret(client, f"{database.function}_single_user", values)


def two_users(client: Any, database: RotatedDatabase, **more: Any) -> Secret:
    passwords = f"first-{uuid.uuid4().hex}", f"super-{uuid.uuid4().hex}"
    superuser = place(database, username=database.make_superuser(passwords[1]), password=passwords[1])
    master = Secret(client, f"{database.function}_single_user", superuser)
    values = place(database, username=database.make_user(passwords[0]), password=passwords[0], masterarn=master.arn)
    return Secret(client, f"{database.function}_alternating_users", values | more)


def set_back(database: RotatedDatabase, username: str, password: str) -> None:
    secret = "set-back-by-a-superuser"
    superuser = database.make_superuser(secret)
    chosen = engine_named(database.function)
    with chosen.open(Login(HOST, database.port, superuser, secret, chosen.default_database)) as session:
        session.change_password(username, password)


def test_one_user_rotates_again_and_again(client: Any, database: RotatedDatabase) -> None:
    secret = one_user(client, database)
    seen = [secret.credentials()]
    for _ in range(2):
        secret.rotate()
        assert database.lets_in(*secret.credentials())
        assert not any(database.lets_in(*earlier) for earlier in seen)
        seen.append(secret.credentials())
    assert len({user for user, _ in seen}) == 1
    assert len({password for _, password in seen}) == 3
    assert secret.values()["note"] == "kept"
    assert len(secret.credentials()[1]) == 32
    assert not set(secret.credentials()[1]) & set(":/@\"'\\")
    logged = database.logged()
    assert seen[0][0] in logged
    assert not [password for _, password in seen if password in logged]


def test_two_users_take_turns(client: Any, database: RotatedDatabase) -> None:
    secret = two_users(client, database)
    first, _ = secret.credentials()
    seen, users = [secret.credentials()], [first]
    for _ in range(3):
        earlier = secret.credentials()
        secret.rotate()
        # Whoever read the secret before the rotation is let in until the next one.
        assert database.lets_in(*earlier)
        assert database.lets_in(*secret.credentials())
        users.append(secret.credentials()[0])
        seen.append(secret.credentials())
    assert users == [first, f"{first}_clone", first, f"{first}_clone"]
    logged = database.logged()
    assert not [password for _, password in seen if password in logged]


@pytest.mark.parametrize("kind", [one_user, two_users])
@pytest.mark.parametrize("cut", range(len(STEPS)))
def test_each_step_may_be_repeated(client: Any, database: RotatedDatabase, kind: Any, cut: int) -> None:
    """A rotation that is cut short after any step and begun again from the first one ends well."""
    secret = kind(client, database)
    token = str(uuid.uuid4())
    for name in STEPS[: cut + 1]:
        secret.step(name, token)
    for name in STEPS:
        secret.step(name, token)
    assert database.lets_in(*secret.credentials())


def test_the_previous_password_is_tried_last(client: Any, database: RotatedDatabase) -> None:
    """A database that was restored from before the last rotation has the previous password."""
    secret = one_user(client, database)
    secret.rotate()
    user, previous = secret.credentials("AWSPREVIOUS")
    set_back(database, user, previous)
    secret.rotate()
    assert database.lets_in(*secret.credentials())


def test_credentials_that_open_nothing(client: Any, database: RotatedDatabase) -> None:
    secret = one_user(client, database)
    set_back(database, secret.credentials()[0], "something-else")
    with pytest.raises(RotationError, match="lets in neither"):
        secret.rotate()
    assert database.lets_in(secret.credentials()[0], "something-else")


@pytest.mark.parametrize("told", [True, "true"])
def test_a_verified_connection(
    client: Any, database: RotatedDatabase, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = one_user(client, database, ssl=told)
    with pytest.raises(RotationError, match=r"certificate|CERTIFICATE"):
        secret.rotate()
    monkeypatch.setattr(engine, "AUTHORITY", database.authority)
    secret.rotate()
    assert database.lets_in(*secret.credentials())


def test_a_secret_of_another_engine(client: Any, database: RotatedDatabase) -> None:
    secret = one_user(client, database, engine="oracle")
    with pytest.raises(RotationError, match="engine must be one of"):
        secret.rotate()


def test_a_version_that_is_not_pending(client: Any, database: RotatedDatabase) -> None:
    secret = one_user(client, database)
    secret.rotate()
    versions = client.list_secret_version_ids(SecretId=secret.arn)["Versions"]
    previous = next(version for version in versions if version["VersionStages"] == ["AWSPREVIOUS"])
    with pytest.raises(RotationError, match="not set as AWSPENDING"):
        secret.step("createSecret", previous["VersionId"])
    with pytest.raises(RotationError, match="none of"):
        secret.step("deleteSecret", previous["VersionId"])


def test_a_superuser_of_another_server(client: Any, database: RotatedDatabase) -> None:
    secret = two_users(client, database)
    other = Secret(client, f"{database.function}_single_user", place(database, username="a", password="b", port=1))
    secret.put(secret.values() | {"masterarn": other.arn})
    with pytest.raises(RotationError, match="same database server"):
        secret.rotate()


def test_a_user_who_cannot_log_in_is_not_cloned(client: Any, database: RotatedDatabase) -> None:
    secret = two_users(client, database)
    set_back(database, secret.credentials()[0], "something-else")
    with pytest.raises(LoginError):
        secret.rotate()
    assert not database.has_user(secret.credentials()[0] + "_clone")
