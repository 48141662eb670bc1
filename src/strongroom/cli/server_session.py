"""A boto3 session of an account's root on the server of a data directory: how commands use it as clients do."""

from typing import Any

from strongroom.base.errors import OperatorError
from strongroom.cli.store_options import StoreOptions


class ServerSession:
    """A boto3 session whose clients go to one server, whatever the environment says."""

    def __init__(self, session: Any, endpoint: str, authority: str) -> None:
        self._session, self._endpoint, self._authority = session, endpoint, authority
        self.region_name: str = session.region_name

    def client(self, service: str) -> Any:
        """Return a client of a service."""
        return self._session.client(service, endpoint_url=self._endpoint, verify=self._authority)


def server_session(store: StoreOptions, account: str | None, region: str | None) -> tuple[ServerSession, str]:
    """Return a session of an account's root, and the account's id; by default the server's first account and Region.

    Raises OperatorError when no server was ever ready on this data, or boto3 is not installed.
    """
    from strongroom.cli.env import connection_variables

    try:
        import boto3
    except ImportError:
        raise OperatorError("boto3 is not installed; pip install 'strongroom[server]'") from None
    variables = connection_variables(store, account)
    session = boto3.session.Session(
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=region or variables["AWS_DEFAULT_REGION"],
    )
    found = ServerSession(session, variables["AWS_ENDPOINT_URL"], variables["AWS_CA_BUNDLE"])
    return found, variables["STRONGROOM_ACCOUNT_ID"]
