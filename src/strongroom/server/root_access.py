"""The root principal's access key, for the operator's own shell; read from the store, whether a server runs or not."""

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.operations.callers import Credential
from strongroom.operations.principals import Principals, directory_of
from strongroom.server.operator_store import operator_store


async def read_root_access_key(configuration: Configuration, now: float, account_id: str) -> Credential:
    """Return the root access key of an account. `now` is in seconds.

    Raises OperatorError when there is no store yet, or the root key does not open it. Changes nothing.
    """
    async with operator_store(configuration, now) as (store, sealer):
        principals = Principals(store, sealer, directory_of(store, configuration.region))
        credential = await principals.root_access_key(account_id)
    if credential is None:
        raise OperatorError(f"there is no account {account_id}, or its root user has no active access key")
    return credential
