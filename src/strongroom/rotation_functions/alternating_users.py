"""Two users who take turns: while one is in use, the other's password changes. The second is a clone of the first.

A superuser, whose secret `masterarn` names, makes the clone at the first rotation and changes passwords afterwards.
What the first user is allowed later, the clone has to be allowed too, by hand.

Source: AWS Secrets Manager User Guide, "Lambda function rotation strategies".
"""

from typing import Any

from .engine import Engine, Login, LoginError
from .secret import RotationError, Values, Versions, login_of, parse_values
from .steps import client_of

_SUFFIX = "_clone"
_OF_INSTANCE = "aws:rds:primaryDBInstanceArn"


class AlternatingUsers:
    """The superuser changes the password of the user whose turn comes."""

    def next_values(self, current: Values, engine: Engine) -> Values:
        """Return the secret of the user whose turn comes. Raises RotationError."""
        if not isinstance(current.get("masterarn"), str):
            raise RotationError("The secret lacks masterarn, the ARN of a superuser's secret.")
        username = alternate(login_of(current, engine).username)
        if len(username) > engine.username_length_max:
            raise RotationError(f"The user name {username} is longer than the database takes.")
        return current | {"username": username}

    def set_password(self, versions: Versions, engine: Engine) -> None:
        """Make the user whose turn comes, or change its password. Raises RotationError, LoginError."""
        pending = login_of(versions.pending(), engine)
        if _lets_in(engine, pending):
            return
        current_values = versions.current()
        current = login_of(current_values, engine)
        if (current.host, alternate(current.username)) != (pending.host, pending.username):
            raise RotationError("The pending version must be about the same host, and about the other user.")
        # Whoever may write the secret could otherwise have a superuser make a clone of any user.
        with engine.open(current) as session:
            session.ask()
        with engine.open(_superuser(versions.client, current_values, current, engine)) as session:
            if session.has_user(pending.username):
                session.change_password(pending.username, pending.password)
            else:
                session.clone_user(current.username, pending.username, pending.password)


def alternate(username: str) -> str:
    """Return the name of the user that takes turns with a user."""
    return username.removesuffix(_SUFFIX) if username.endswith(_SUFFIX) else username + _SUFFIX


def _lets_in(engine: Engine, login: Login) -> bool:
    try:
        with engine.open(login) as session:
            session.ask()
    except LoginError:
        return False
    return True


def _superuser(client: Any, values: Values, user: Login, engine: Engine) -> Login:
    """Return the superuser's credentials. Raises RotationError unless they are for the same database.

    A superuser's password must not go to where whoever may write the user's secret would have it.
    """
    secret_id = values["masterarn"]
    superuser = parse_values(client.get_secret_value(SecretId=secret_id).get("SecretString"), secret_id)
    if "host" not in superuser:
        superuser |= _place_of_managed(client, secret_id)
    superuser.setdefault("engine", values["engine"])
    if "ssl" in values:
        superuser.setdefault("ssl", values["ssl"])
    login = login_of(superuser, engine)
    if (login.host, login.port) != (user.host, user.port):
        raise RotationError("The superuser's secret (masterarn) must be about the same database server.")
    return login


def _place_of_managed(client: Any, secret_id: str) -> Values:
    """Return where the database of a secret is that RDS manages; such a secret has a user name and a password only."""
    tags = {tag["Key"]: tag["Value"] for tag in client.describe_secret(SecretId=secret_id).get("Tags", ())}
    if _OF_INSTANCE not in tags:
        raise RotationError("The superuser's secret (masterarn) lacks host.")
    told = client_of("rds").describe_db_instances(DBInstanceIdentifier=tags[_OF_INSTANCE].rpartition(":")[2])
    instance = told["DBInstances"][0]
    return {"engine": instance["Engine"], "host": instance["Endpoint"]["Address"], "port": instance["Endpoint"]["Port"]}
