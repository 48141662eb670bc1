"""The four steps of a rotation, whichever database and strategy. Each may be repeated after it was cut short anywhere.

Source: AWS Secrets Manager User Guide, "Lambda rotation functions".
"""

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import boto3

from .engine import Engine
from .secret import CURRENT, RotationError, Values, Versions, login_of

Handler = Callable[[Mapping[str, str], Any], None]
_log = logging.getLogger("rotation")
_log.setLevel(logging.INFO)
_clients: dict[str, Any] = {}


class Strategy(Protocol):
    """How users follow one another."""

    def next_values(self, current: Values, engine: Engine) -> Values:
        """Return the new secret but for its password. Raises RotationError."""

    def set_password(self, versions: Versions, engine: Engine) -> None:
        """Have the database let the pending credentials in. Raises RotationError."""


def client_of(service: str) -> Any:
    """Return the client of a service, one for as long as the function is warm."""
    if service not in _clients:
        variable = "SECRETS_MANAGER_ENDPOINT" if service == "secretsmanager" else ""
        _clients[service] = boto3.client(service, endpoint_url=os.environ.get(variable))
    return _clients[service]


def make_handler(engine: Engine, strategy: Strategy) -> Handler:
    """Return the entry point of a rotation function, which raises RotationError, LoginError, and clients' errors."""

    def handler(event: Mapping[str, str], context: Any) -> None:
        versions = Versions(client_of("secretsmanager"), event["SecretId"], event["ClientRequestToken"])
        step = _STEPS.get(event["Step"])
        if step is None:
            raise RotationError(f"Step {event['Step']} is none of: {', '.join(_STEPS)}.")
        stages = versions.stages()
        if CURRENT in stages[versions.token]:
            _log.info("%s: version %s is %s already", event["Step"], versions.token, CURRENT)
            return
        step(versions, stages, engine, strategy)
        _log.info("%s: done for version %s of %s", event["Step"], versions.token, versions.secret_id)

    return handler


def _create_secret(versions: Versions, stages: Mapping[str, list[str]], engine: Engine, strategy: Strategy) -> None:
    values = strategy.next_values(versions.current(), engine)
    # Once made it stays: the database may have this password already.
    if not versions.has_pending():
        versions.put_pending(values | {"password": versions.new_password()})


def _set_secret(versions: Versions, stages: Mapping[str, list[str]], engine: Engine, strategy: Strategy) -> None:
    strategy.set_password(versions, engine)


def _test_secret(versions: Versions, stages: Mapping[str, list[str]], engine: Engine, strategy: Strategy) -> None:
    with engine.open(login_of(versions.pending(), engine)) as session:
        session.ask()


def _finish_secret(versions: Versions, stages: Mapping[str, list[str]], engine: Engine, strategy: Strategy) -> None:
    versions.make_current(stages)


_STEPS: dict[str, Callable[[Versions, Mapping[str, list[str]], Engine, Strategy], None]] = {
    "createSecret": _create_secret,
    "setSecret": _set_secret,
    "testSecret": _test_secret,
    "finishSecret": _finish_secret,
}
