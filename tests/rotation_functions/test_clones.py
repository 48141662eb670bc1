"""The second of two users: what the superuser's function gives it, on each database."""

import re
import uuid
from typing import Any

import psycopg
import pymysql
import pytest
from tests.rotated_databases import HOST, RotatedMariadb, RotatedPostgresql

from strongroom.rotation_functions.engine import Login, LoginError
from strongroom.rotation_functions.mysql import MYSQL, MysqlSession, readdressed
from strongroom.rotation_functions.postgresql import POSTGRESQL

PASSWORD = "a-password-for-clones"


def superuser(database: Any, engine: Any) -> Login:
    return Login(HOST, database.port, database.make_superuser(PASSWORD), PASSWORD, engine.default_database)


def test_a_role_that_is_a_member(rotated_postgresql: RotatedPostgresql) -> None:
    user = rotated_postgresql.make_user(PASSWORD)
    with POSTGRESQL.open(superuser(rotated_postgresql, POSTGRESQL)) as session:
        session.clone_user(user, f"{user}_clone", "of-the-clone")
        assert session.has_user(f"{user}_clone")
        # What the first one is granted later, its member may do as well.
        rotated_postgresql.server.execute(f"ALTER ROLE {user} CONNECTION LIMIT 5")
        with pytest.raises(psycopg.errors.DuplicateObject):
            session.clone_user(user, f"{user}_clone", "again")
        with pytest.raises(psycopg.errors.UndefinedObject):
            session.clone_user("nobody", "nobody_clone", "none")
        assert not session.has_user("nobody_clone")
    assert rotated_postgresql.lets_in(f"{user}_clone", "of-the-clone")


def test_names_that_need_quotes(rotated_postgresql: RotatedPostgresql, rotated_mariadb: RotatedMariadb) -> None:
    odd = f"o\"d`d'; {uuid.uuid4().hex[:8]}"
    with POSTGRESQL.open(superuser(rotated_postgresql, POSTGRESQL)) as session:
        quoted = odd.replace('"', '""')
        rotated_postgresql.server.execute(f'CREATE ROLE "{quoted}" LOGIN')
        session.clone_user(odd, f"{odd}_clone", PASSWORD)
        session.change_password(odd, PASSWORD)
    for user in (odd, f"{odd}_clone"):
        with POSTGRESQL.open(Login(HOST, rotated_postgresql.port, user, PASSWORD, "postgres")) as session:
            session.change_own_password("another")
    with MYSQL.open(superuser(rotated_mariadb, MYSQL)) as session:
        rotated_mariadb.server.execute("CREATE USER '" + odd.replace("'", "''") + "'@'%'")
        session.clone_user(odd, f"{odd}_clone", PASSWORD)
        session.change_password(odd, PASSWORD)
    for user in (odd, f"{odd}_clone"):
        with MYSQL.open(Login(HOST, rotated_mariadb.port, user, PASSWORD, None)) as session:
            session.change_own_password("another")


def test_an_account_with_all_that_another_has(rotated_mariadb: RotatedMariadb) -> None:
    server, name = rotated_mariadb.server, rotated_mariadb.name
    user = rotated_mariadb.make_user(PASSWORD)
    role = f"role_{uuid.uuid4().hex[:8]}"
    login = superuser(rotated_mariadb, MYSQL)
    server.execute(
        f"CREATE USER {user}@'10.1.2.3' IDENTIFIED BY PASSWORD '' REQUIRE SSL WITH MAX_USER_CONNECTIONS 4",
        f"CREATE ROLE {role}",
        f"GRANT {role} TO {login.username}@'%' WITH ADMIN OPTION",
        f"GRANT INSERT ON `{name}`.* TO {role}",
        f"GRANT {role} TO {user}@'%'",
        f"SET DEFAULT ROLE {role} FOR {user}@'%'",
        f"GRANT UPDATE (number) ON {name}.items TO {user}@'%' WITH GRANT OPTION",
        f"GRANT ALL ON `a``b TO x`.* TO {user}@'10.1.2.3'",
    )
    with MYSQL.open(login) as session:
        session.clone_user(user, f"{user}_clone", "of-the-clone")
    for host in ("%", "10.1.2.3"):
        grants = [row[0] for row in server.execute(f"SHOW GRANTS FOR {user}@'{host}'")]
        clones = [row[0] for row in server.execute(f"SHOW GRANTS FOR {user}_clone@'{host}'")]
        assert _without_hash(clones, f"{user}_clone") == _without_hash(grants, user)
    assert rotated_mariadb.lets_in(f"{user}_clone", "of-the-clone")
    with _connected(rotated_mariadb, f"{user}_clone", "of-the-clone") as connection, connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {name}.items VALUES (8)")
        cursor.execute(f"SELECT max(number) FROM {name}.items")
        assert cursor.fetchone() == (8,)
        connection.rollback()


def _without_hash(grants: list[str], user: str) -> list[str]:
    told = (grant.replace(f"`{user}`@", "`?`@") for grant in grants)
    return sorted(re.sub(r" IDENTIFIED BY PASSWORD '\*[0-9A-F]+'", "", grant) for grant in told)


def _connected(database: RotatedMariadb, user: str, password: str) -> Any:
    return pymysql.connect(host=HOST, port=database.port, user=user, password=password, database=database.name)


def test_a_clone_that_was_cut_short(rotated_mariadb: RotatedMariadb, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account whose privileges are not all there has not the name that is looked for."""
    user = rotated_mariadb.make_user(PASSWORD)
    login = superuser(rotated_mariadb, MYSQL)
    for word in ("CREATE USER", "GRANT SELECT", "RENAME USER"):
        with monkeypatch.context() as patched, MYSQL.open(login) as session:
            run = MysqlSession._run

            def cut(self: Any, statement: str, *, has_password: bool = False, word: str = word, run: Any = run) -> None:
                if not statement.startswith("RENAME"):
                    run(self, statement, has_password=has_password)
                if statement.startswith(word):
                    raise ConnectionError("cut short")

            patched.setattr(MysqlSession, "_run", cut)
            with pytest.raises(ConnectionError):
                session.clone_user(user, f"{user}_clone", "of-the-clone")
        assert not rotated_mariadb.has_user(f"{user}_clone")
    with MYSQL.open(login) as session:
        session.clone_user(user, f"{user}_clone", "of-the-clone")
    assert rotated_mariadb.lets_in(f"{user}_clone", "of-the-clone")
    assert not rotated_mariadb.has_user(f"{user}_clon~")


def test_a_database_that_lets_everybody_in(rotated_mariadb: RotatedMariadb, postgresql_server: Any) -> None:
    """It cannot tell whether a password was changed, and is refused."""
    with pytest.raises(LoginError, match="did not complete authentication"):
        POSTGRESQL.open(Login(str(postgresql_server.directory), 5432, "postgres", "any", "postgres")).__enter__()


def test_a_plugin_that_the_driver_lacks(rotated_mariadb: RotatedMariadb) -> None:
    user = f"odd_{uuid.uuid4().hex[:8]}"
    rotated_mariadb.server.execute(
        "INSTALL SONAME 'auth_ed25519'", f"CREATE USER {user} IDENTIFIED VIA ed25519 USING PASSWORD('x')"
    )
    with pytest.raises(LoginError, match=r"nacl|ed25519"):
        MYSQL.open(Login(HOST, rotated_mariadb.port, user, "x", None)).__enter__()


@pytest.mark.parametrize(
    ("grant", "told"),
    [
        (
            "GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*0' REQUIRE SSL",
            "GRANT USAGE ON *.* TO 'b'@'%' REQUIRE SSL",
        ),
        ("GRANT SELECT ON `x`.* TO 'a'@'%' WITH GRANT OPTION", "GRANT SELECT ON `x`.* TO 'b'@'%' WITH GRANT OPTION"),
        ("GRANT `r`@`%` TO `a`@`%`", "GRANT `r`@`%` TO 'b'@'%'"),
        ("SET DEFAULT ROLE `r` FOR `a`@`%`", "SET DEFAULT ROLE `r` FOR 'b'@'%'"),
        ("GRANT SELECT ON ` TO ``a``@``%``; `.* TO `a`@`%`", "GRANT SELECT ON ` TO ``a``@``%``; `.* TO 'b'@'%'"),
    ],
)
def test_lines_of_show_grants(grant: str, told: str) -> None:
    assert readdressed(grant, ("a", "%"), ("b", "%")) == told


def test_a_line_about_somebody_else() -> None:
    with pytest.raises(ValueError, match="not known"):
        readdressed("GRANT ALL ON *.* TO `c`@`%`", ("a", "%"), ("b", "%"))
