"""External key store proxies: the clients that ask them, and why they are asked."""

import asyncio
from collections.abc import Mapping
from typing import Any

from strongroom.base.key_store_options import parse_addresses
from strongroom.operations.call import Call
from strongroom.operations.house import House
from strongroom.services.kms.key_stores.connections import Connections
from strongroom.services.kms.key_stores.key_store import KeyStore
from strongroom.services.kms.key_stores.xks_client import RequestMetadata, XksClient, XksProxy
from strongroom.services.kms.key_stores.xks_connection import Address
from strongroom.services.kms.key_stores.xks_errors import TLS_FAILED, XksProxyError
from strongroom.services.kms.key_stores.xks_signature import XksCredential

_SCHEME = "https://"


class ProxyClients(Connections[XksClient]):
    """A client for each connected external key store."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self._configuration = house.configuration
        self._addresses = parse_addresses(house.configuration.xks_proxy_addresses)

    async def _open(self, store: KeyStore) -> XksClient:
        return await self.made(store.region, store.uri_endpoint, store.uri_path, store.credential)

    def _close(self, connection: XksClient) -> None:
        connection.close()

    async def made(self, region: str, uri_endpoint: str, uri_path: str, credential: XksCredential) -> XksClient:
        """Return a new client for a proxy, which its maker closes. Raises XksProxyError."""
        host = uri_endpoint.removeprefix(_SCHEME).lower()
        address = self._addresses.get(host)
        proxy = XksProxy(
            host=host,
            path=uri_path,
            credential=credential,
            address=Address(*address) if address is not None else None,
            trust=self._configuration.xks_proxy_ca_bundle,
        )
        timeout_seconds = self._configuration.xks_proxy_milliseconds_max / 1000
        try:
            return await asyncio.to_thread(XksClient, proxy, region, timeout_seconds)
        except OSError:
            raise XksProxyError(TLS_FAILED) from None


def request_metadata(call: Call, key_arn: str | None = None) -> RequestMetadata:
    """Return what a proxy is told of a call."""
    caller = call.caller
    return RequestMetadata(
        kms_request_id=call.origin.request_id,
        kms_operation=call.operation.name,
        aws_principal_arn=caller.principal.issuer_arn or caller.arn or caller.principal.name,
        kms_key_arn=key_arn,
        kms_via_service=f"{call.via}.{call.region}.amazonaws.com" if call.via else None,
    )


def health_metadata(call: Call) -> RequestMetadata:
    """Return what a proxy is told when it is asked for its health."""
    return RequestMetadata(kms_request_id=call.origin.request_id, kms_operation=call.operation.name)


def credential_of(members: Mapping[str, Any]) -> XksCredential:
    """Return the credential in a request's XksProxyAuthenticationCredential."""
    return XksCredential(members["AccessKeyId"], members["RawSecretAccessKey"])
