"""What an operator's commands know of the server on a data directory: where it listens, what opens its store."""

import shlex
from typing import NamedTuple

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.cli.store_options import StoreOptions
from strongroom.server.endpoint import Endpoint
from strongroom.server.root_key import with_known_root_key


class KnownServer(NamedTuple):
    """The server that was last ready on a data directory, and a configuration that opens its store."""

    endpoint: Endpoint
    configuration: Configuration


def known_server(store: StoreOptions) -> KnownServer:
    """Return what is known of the server on `store`. Raises OperatorError when none was ever ready there."""
    data = store.data.expanduser().absolute()
    endpoint = Endpoint.read(data)
    if endpoint is None:
        command = f"strongroom serve --data {shlex.quote(str(data))}"
        raise OperatorError(f"no server was ready on {data} yet; start one: {command}")
    configuration = with_known_root_key(store.configuration(endpoint.region, endpoint.account_id), endpoint)
    return KnownServer(endpoint, configuration)
