"""Which KMS the commands that encrypt and decrypt files ask, and as whom."""

import os
from typing import TYPE_CHECKING, Any

from strongroom.base.errors import OperatorError
from strongroom.cli.store_options import StoreOptions

if TYPE_CHECKING:
    from strongroom.client.backoff import Backoff
    from strongroom.client.kms_calls import KmsCalls

SECONDS_MAX = 15.0
"""How long a command, before which somebody sits, tries a call again."""

_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KMS")
_NOBODY_TO_ASK = (
    "there is no KMS to ask: neither do AWS's variables and files name one, nor was a server ready on this machine; "
    "start one (strongroom serve), or see `aws configure`"
)


def kms_calls(store: StoreOptions) -> "KmsCalls":
    """Return the KMS that AWS's variables and configuration files name, as for any AWS client.

    Where they name no credentials and no endpoint, it is the server that was last ready on `store`, as its account's
    root: who may read the root key may do so. A machine's own role on AWS comes last, for it takes asking the network.
    Raises OperatorError for variables and files that cannot be meant.
    """
    import botocore.session
    from botocore.exceptions import BotoCoreError

    from strongroom.client.backoff import Backoff
    from strongroom.client.kms_calls import KmsCalls

    backoff = Backoff(seconds_max=SECONDS_MAX)
    try:
        session = botocore.session.get_session()
        session.get_component("credential_provider").remove("iam-role")
        if session.get_credentials() is not None:
            return KmsCalls(session, backoff=backoff)
        session = botocore.session.get_session()
        if not _has_endpoint(session):
            local = _local_server(session, store, backoff)
            if local is not None:
                return local
            if session.get_config_variable("region") is None:
                raise OperatorError(_NOBODY_TO_ASK)
        return KmsCalls(session, backoff=backoff)
    except BotoCoreError as error:
        raise OperatorError(str(error)) from None


def is_unreachable(error: BaseException) -> bool:
    """Return whether a file failed since the keys that are named for all files were not reached.

    What could not be read (NoUsableKey) tells nothing of the next file, which may be under a key of another Region.
    """
    from botocore.exceptions import ConnectionError as ConnectionFailed
    from botocore.exceptions import HTTPClientError

    return isinstance(error, ConnectionFailed | HTTPClientError)


def _has_endpoint(session: Any) -> bool:
    """Return whether variables or the configuration file say where KMS is.

    Source: AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
    """
    profile = session.get_scoped_config()
    services = session.full_config.get("services", {}).get(profile.get("services"), {})
    named = [os.environ.get(name) for name in _ENDPOINTS]
    return any([*named, services.get("kms", {}).get("endpoint_url"), profile.get("endpoint_url")])


def _local_server(session: Any, store: StoreOptions, backoff: "Backoff") -> "KmsCalls | None":
    """Return the server on this machine, or None where there never was one, or no server is installed."""
    from strongroom.client.kms_calls import KmsCalls

    try:
        from strongroom.cli.env import connection_variables
        from strongroom.server.endpoint import Endpoint

        if Endpoint.read(store.data.expanduser().absolute()) is None:
            return None
        variables = connection_variables(store)
    except ModuleNotFoundError:
        return None
    session.set_credentials(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    return KmsCalls(
        session,
        region=variables["AWS_DEFAULT_REGION"],
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        ca_bundle=variables["AWS_CA_BUNDLE"],
        backoff=backoff,
    )
