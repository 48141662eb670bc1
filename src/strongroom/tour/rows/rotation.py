"""M12: a secret that rotates, and with it the password of a real PostgreSQL; by hand, and then by itself."""

import json
import secrets
import shlex
from typing import Any

from botocore.exceptions import ClientError

from strongroom.tour.command_line import File
from strongroom.tour.machine import (
    FUNCTIONS_REMEDY,
    POSTGRESQL_REMEDY,
    SANDBOX_REMEDY,
    why_no_postgresql,
    why_no_python_functions,
    why_no_sandbox,
)
from strongroom.tour.postgresql import Postgresql, free_port
from strongroom.tour.proof import Unproved
from strongroom.tour.visit import Visit

HOST = "127.0.0.1"
USER = "orders"
FUNCTION = "strongroom-rotation-postgresql-single-user"
_ROTATION_SECONDS_MAX = 60.0
_LINES_MAX = 12


def show(visit: Visit) -> None:
    """Rotate the password of a database's user at once, and once more by letting 31 days pass."""
    visit.needs(why_no_postgresql(), POSTGRESQL_REMEDY)
    visit.needs(why_no_sandbox(), SANDBOX_REMEDY)
    visit.needs(why_no_python_functions(), FUNCTIONS_REMEDY)
    database = Postgresql(visit.premises, "orders-database", HOST, free_port())
    database.start()
    address = f"{HOST}:{database.port}"
    served, clients = visit.premises.serve("rotating-server", outbound_addresses=(address,))
    visit = visit.elsewhere(served, clients)
    visit.say(
        f"A PostgreSQL of the tour's own, at {address}, logs every statement. A server that may reach it, and whose "
        "clock can be moved, keeps the password of its user:"
    )
    visit.note(served.pointing_at())
    first = _stored(visit, database)
    _rotate(visit, address)
    second = _rotated(visit, "the second password", first)
    visit.prove_that("once: the secret has another password", second != first, expected="another", seen=second)
    _seen(visit, database, second, "logged in as orders", "once: the new password logs in")
    _seen(visit, database, first, "refused", "once: the old one does not")

    visit.say("Nobody asks for the second time. The server's clock is moved, and the scheduler finds what is due:")
    visit.strongroom("clock", "advance", "31d")
    third = _rotated(visit, "the third password", second)
    another = third not in (first, second)
    visit.prove_that("twice, by itself: yet another password", another, expected="another", seen=third)
    _seen(visit, database, third, "logged in as orders", "twice: the new password logs in")
    _seen(visit, database, second, "refused", "twice: the old one does not")
    _nothing_logged(visit, database, (first, second, third))


def _stored(visit: Visit, database: Postgresql) -> str:
    """Make the database's user, put its password into a secret, and return it."""
    password = secrets.token_urlsafe(18)
    visit.canary.remember("the first password", password)
    database.make_user(USER, password)
    _seen(visit, database, password, "logged in as orders", "the first password logs in")
    value = {"engine": "postgres", "host": HOST, "port": database.port, "dbname": "postgres"}
    value |= {"username": USER, "password": password}
    secret = File("orders.json", json.dumps(value).encode())
    visit.aws("secretsmanager", "CreateSecret", Name="orders", SecretString=secret, query="Name")
    return password


def _rotate(visit: Visit, address: str) -> None:
    """Install the rotation function, and have it rotate the secret now and every 30 days."""
    installed = visit.strongroom("rotation", "install", "postgresql-single-user", "--network", address)
    visit.aws(
        "secretsmanager",
        "RotateSecret",
        SecretId="orders",
        RotationLambdaARN=installed.strip().split()[-1],
        RotationRules={"AutomaticallyAfterDays": 30},
        query="Name",
    )


def _nothing_logged(visit: Visit, database: Postgresql, passwords: tuple[str, ...]) -> None:
    log = (database.directory / "server.log").read_text(errors="replace")
    altered, found = log.count("ALTER"), [each for each in passwords if each in log]
    visit.note(f"grep -c ALTER {database.directory / 'server.log'}", str(altered))
    visit.prove_that(
        "the database's log tells of the changes, and has no password",
        altered >= 2 and not found,
        expected="2 or more changes, no password",
        seen=f"{altered} changes, {len(found)} passwords",
    )


def _rotated(visit: Visit, name: str, before: str) -> str:
    """Return the password when it is another one, and its rotation has come to its end."""
    client = visit.clients.client("secretsmanager")

    def is_through() -> bool:
        stages = client.describe_secret(SecretId="orders")["VersionIdsToStages"]
        return _password(client) != before and not any(
            "AWSPENDING" in each and len(each) == 1 for each in stages.values()
        )

    try:
        visit.until("the secret is rotated", _ROTATION_SECONDS_MAX, is_through)
    except Unproved as late:
        raise Unproved(late.proof.claim, late.proof.expected, f"the function logged: {_logged(visit)}") from None
    visit.aws("secretsmanager", "GetSecretValue", SecretId="orders", query="SecretString")
    password = _password(client)
    visit.canary.remember(name, password)
    return password


def _logged(visit: Visit) -> str:
    """Return what the rotation function has logged: why there is no other password."""
    try:
        group = f"/aws/lambda/{FUNCTION}"
        told = visit.clients.client("logs").filter_log_events(logGroupName=group)["events"]
    except ClientError as error:
        return str(error)
    return "".join(each["message"] for each in told[-_LINES_MAX:])


def _password(client: Any) -> str:
    value = json.loads(client.get_secret_value(SecretId="orders")["SecretString"])
    return str(value["password"])


def _seen(visit: Visit, database: Postgresql, password: str, expected: str, claim: str) -> None:
    seen = database.login(USER, password)
    login = f"psql -h {HOST} -p {database.port} -U {USER} -d postgres -c 'select current_user'"
    visit.note(f"PGPASSWORD={shlex.quote(password)} {login}", seen, is_refused=seen == "refused")
    visit.prove(claim, expected=expected, seen=seen)
