"""KMS of a test's server, as an application's client reaches it, and what the server was asked."""

from functools import cache
from typing import Any

from botocore.session import Session
from tests.running_server import ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, RunningServer

from strongroom.client.kms_calls import KmsCalls


@cache
def session_of_root() -> Session:
    """Return the botocore session of the root user, in us-east-1. It reads the models once for all clients."""
    session = Session()
    session.set_credentials(ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY)
    session.set_config_variable("region", "us-east-1")
    return session


def connected(server: RunningServer, **options: Any) -> KmsCalls:
    """Return the KMS of a server."""
    session = options.pop("session", None) or session_of_root()
    return KmsCalls(session, endpoint_url=server.https, ca_bundle=str(server.ca_bundle), **options)


class CountedCalls(KmsCalls):
    """Notes the operation of every try."""

    def __init__(self, server: RunningServer, **options: Any) -> None:
        super().__init__(session_of_root(), endpoint_url=server.https, ca_bundle=str(server.ca_bundle), **options)
        self.operations: list[str] = []

    def attempt(self, call: Any) -> Any:
        self.operations.append(call.operation)
        return super().attempt(call)
