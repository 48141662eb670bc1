"""Sessions of boto3 that know of one server and one account, and share what is costly to read: the service models."""

import copy
import os
import threading
from typing import TYPE_CHECKING, Any

import boto3.session
import botocore.loaders
import botocore.session
from botocore.hooks import HierarchicalEmitter

if TYPE_CHECKING:
    from strongroom.testing.account import Place

_LOADER = botocore.loaders.Loader()
_PATHS_BEFORE = len(_LOADER.search_paths)
_MAKING = threading.Lock()

# To register botocore's own handlers one by one takes longer than all else that a session does; a copy has them too.
_HANDLERS = HierarchicalEmitter()
botocore.session.Session(event_hooks=_HANDLERS)

# Where settings come from: in a file, a variable, the default, a conversion. What a person's files and variables say
# must not send a test elsewhere, or have it sign as somebody else.
_OWN_SETTINGS = {
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "profile": (None, None, None, None),
}


def new_session(place: "Place", access_key_id: str, secret_access_key: str) -> boto3.session.Session:
    """Return a session whose clients use the server at `place`, whatever the environment and the user's files say."""
    inner = _SessionOfPlace(place)
    inner.register_component("data_loader", _LOADER)
    inner.set_credentials(access_key_id, secret_access_key)
    inner.set_config_variable("region", place.region)
    inner.set_config_variable("ca_bundle", place.ca_bundle)
    # Else clients would look for `stream-` before the host's name, where Live Tail of CloudWatch Logs is on AWS.
    inner.set_config_variable("disable_host_prefix_injection", True)
    with _MAKING:
        known = len(_LOADER.search_paths)
        session = boto3.session.Session(botocore_session=inner)
        # Every session adds the place of the resources' models: once is enough for all.
        if known > _PATHS_BEFORE:
            del _LOADER.search_paths[known:]
    return session


class _SessionOfPlace(botocore.session.Session):  # type: ignore[misc]
    """A session whose clients never go anywhere else by themselves: no setting can say where a session's do."""

    def __init__(self, place: "Place") -> None:
        super().__init__(_OWN_SETTINGS, event_hooks=copy.copy(_HANDLERS), include_builtin_handlers=False)
        self._place = place

    def create_client(
        self,
        service_name: str,
        region_name: str | None = None,
        api_version: str | None = None,
        use_ssl: bool = True,
        verify: bool | str | None = None,
        endpoint_url: str | None = None,
        *more: Any,
        **options: Any,
    ) -> Any:
        """Return a client of the server, unless another endpoint is named."""
        return super().create_client(
            service_name, region_name, api_version, use_ssl, verify, endpoint_url or self._place.https, *more, **options
        )
