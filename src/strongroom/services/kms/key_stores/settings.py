"""What a request says of a key store, checked for its type; and whether it works, tried out."""

import ssl
from collections.abc import Mapping
from typing import Any

from strongroom.base.errors import OperatorError
from strongroom.operations.call import Call
from strongroom.services.kms import errors as kms_errors
from strongroom.services.kms.key_stores import errors
from strongroom.services.kms.key_stores.clusters import ClusterTokens
from strongroom.services.kms.key_stores.key_store import AWS_CLOUDHSM, EXTERNAL_KEY_STORE, PUBLIC_ENDPOINT
from strongroom.services.kms.key_stores.proxies import ProxyClients, health_metadata
from strongroom.services.kms.key_stores.xks_errors import XksProxyError
from strongroom.services.kms.key_stores.xks_signature import XksCredential

OF_CLUSTER = ("CloudHsmClusterId", "TrustAnchorCertificate", "KeyStorePassword")
OF_PROXY = (
    "XksProxyUriEndpoint",
    "XksProxyUriPath",
    "XksProxyAuthenticationCredential",
    "XksProxyConnectivity",
    "XksProxyVpcEndpointServiceName",
    "XksProxyVpcEndpointServiceOwner",
)
_OF_TYPE = {AWS_CLOUDHSM: OF_CLUSTER, EXTERNAL_KEY_STORE: OF_PROXY}
_REQUIRED = {AWS_CLOUDHSM: OF_CLUSTER, EXTERNAL_KEY_STORE: OF_PROXY[:4]}


def must_fit_type(params: Mapping[str, Any], store_type: str, *, is_new: bool) -> None:
    """Raise ValidationException for members of the other type, and for what a new key store lacks.

    Raises UnsupportedOperationException for a proxy that is behind a VPC endpoint service.
    """
    for other, members in _OF_TYPE.items():
        for member in members:
            if other != store_type and params.get(member) is not None:
                raise kms_errors.validation(f"{member} is not valid for a custom key store of type {store_type}.")
    for member in _REQUIRED[store_type] if is_new else ():
        if params.get(member) is None:
            raise kms_errors.validation(f"{member} is required for a custom key store of type {store_type}.")
    if params.get("XksProxyConnectivity", PUBLIC_ENDPOINT) != PUBLIC_ENDPOINT or params.get(OF_PROXY[4]) is not None:
        raise kms_errors.unsupported("Strongroom does not serve XksProxyConnectivity VPC_ENDPOINT_SERVICE.")


def must_be_certificate(text: str) -> None:
    """Raise IncorrectTrustAnchorException for what is no certificate.

    Whether it is the cluster's cannot be told: PKCS#11 tokens have none.
    """
    try:
        ssl.PEM_cert_to_DER_cert(text)
    except ValueError:
        raise errors.incorrect_trust_anchor() from None


async def must_be_active(call: Call, cluster_id: str) -> None:
    """Raise CloudHsmClusterNotFoundException or CloudHsmClusterNotActiveException unless a cluster can be used."""
    tokens = call.house.part(ClusterTokens)
    if not tokens.knows(cluster_id):
        raise errors.cluster_not_found(cluster_id)
    try:
        is_active = await tokens.is_present(cluster_id)
    except OperatorError:
        is_active = False
    if not is_active:
        raise errors.cluster_not_active(cluster_id)


async def must_be_healthy(call: Call, uri_endpoint: str, uri_path: str, credential: XksCredential) -> None:
    """Ask a proxy for its health. Raises AwsError unless one of its key managers can serve, XksProxyError."""
    client = await call.house.part(ProxyClients).made(call.region, uri_endpoint, uri_path, credential)
    try:
        health = await client.health(health_metadata(call))
    finally:
        client.close()
    if not health.is_available:
        raise errors.no_key_manager_available()


async def must_answer(call: Call, uri_endpoint: str, uri_path: str, credential: XksCredential) -> None:
    """Ask a proxy for its health, for a key store that is to use it. Raises AwsError."""
    try:
        await must_be_healthy(call, uri_endpoint, uri_path, credential)
    except XksProxyError as error:
        raise errors.proxy_failed_for_store(error) from None
