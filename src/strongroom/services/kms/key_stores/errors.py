"""The refusals of custom key stores, each under AWS's name.

Source: AWS KMS API Reference, the errors of each operation; for failures of a proxy, AWS KMS External Key Store Proxy
API Specification, version 1, "Error codes".
"""

from strongroom.base.errors import AwsError
from strongroom.services.kms.key_stores.xks_errors import MALFORMED, TIMED_OUT, TLS_FAILED, UNREACHABLE, XksProxyError

_UNREACHABLE_URI = "XksProxyUriUnreachableException"
_INVALID_RESPONSE = "XksProxyInvalidResponseException"
_INVALID_CONFIGURATION = "XksProxyInvalidConfigurationException"
_STORE_STATE = "CustomKeyStoreInvalidStateException"
_KEY_CONFIGURATION = "XksKeyInvalidConfigurationException"
_KEY_STATE = "KMSInvalidStateException"

_ON_STORES = {
    "AuthenticationFailedException": "XksProxyIncorrectAuthenticationCredentialException",
    "InvalidUriPathException": _INVALID_CONFIGURATION,
    "AccessDeniedException": _INVALID_CONFIGURATION,
    "DependencyTimeoutException": _UNREACHABLE_URI,
    "ThrottlingException": _UNREACHABLE_URI,
    UNREACHABLE: _UNREACHABLE_URI,
    TLS_FAILED: _UNREACHABLE_URI,
    TIMED_OUT: _UNREACHABLE_URI,
}

_ON_NEW_KEYS = {
    "InvalidStateException": _KEY_CONFIGURATION,
    "InvalidKeyUsageException": _KEY_CONFIGURATION,
    "UnsupportedOperationException": _KEY_CONFIGURATION,
    "AccessDeniedException": _KEY_STATE,
    "KeyNotFoundException": "XksKeyNotFoundException",
}

_CONNECTION_ERRORS = {
    "AuthenticationFailedException": "INVALID_CREDENTIALS",
    "AccessDeniedException": "XKS_PROXY_ACCESS_DENIED",
    "InvalidUriPathException": "XKS_PROXY_INVALID_CONFIGURATION",
    "DependencyTimeoutException": "XKS_PROXY_TIMED_OUT",
    "ThrottlingException": "XKS_PROXY_NOT_REACHABLE",
    "InternalException": "XKS_PROXY_NOT_REACHABLE",
    "InvalidStateException": "XKS_PROXY_NOT_REACHABLE",
    UNREACHABLE: "XKS_PROXY_NOT_REACHABLE",
    TLS_FAILED: "XKS_PROXY_INVALID_TLS_CONFIGURATION",
    TIMED_OUT: "XKS_PROXY_TIMED_OUT",
    MALFORMED: "XKS_PROXY_INVALID_RESPONSE",
}


def proxy_failed_for_store(error: XksProxyError) -> AwsError:
    """A key store cannot be made or changed so, for its proxy does not answer as it should."""
    return AwsError(_ON_STORES.get(error.name, _INVALID_RESPONSE), error.message)


def proxy_failed_for_new_key(error: XksProxyError) -> AwsError:
    """A key cannot be made in an external key store."""
    return AwsError(_ON_NEW_KEYS.get(error.name, _STORE_STATE), error.message)


def proxy_failed_for_use(error: XksProxyError) -> AwsError:
    """A key of an external key store cannot be used now: one error stands for all causes, and its words tell which."""
    return AwsError(_KEY_STATE, error.message)


def connection_error_of(error: XksProxyError) -> str:
    """Return the ConnectionErrorCode that a proxy's failure shows as. Source: CustomKeyStoresListEntry."""
    return _CONNECTION_ERRORS.get(error.name, "XKS_PROXY_INVALID_RESPONSE")


def no_key_manager_available() -> AwsError:
    """The proxy answers, and says that none of its key managers can."""
    return AwsError(
        _UNREACHABLE_URI,
        "The external key store proxy reported that all external key manager instances are unavailable.",
    )


def proxy_returned_invalid_ciphertext() -> AwsError:
    """The proxy opened a ciphertext, and what was in it is not what KMS had encrypted."""
    return AwsError(
        _KEY_STATE,
        "The ciphertext that the external key store proxy submitted for decryption, or the encryption context, is "
        "corrupted, missing, or otherwise invalid.",
    )


def external_key_unfit() -> AwsError:
    """The external key is not one that encrypts and decrypts with AES-256, or it is disabled."""
    return AwsError(
        _KEY_CONFIGURATION,
        "The external key must be an AES-256 symmetric key that is enabled and performs encryption and decryption.",
    )


def external_key_in_use(xks_key_id: str) -> AwsError:
    """Each KMS key of an external key store has an external key of its own."""
    return AwsError(
        "XksKeyAlreadyInUseException",
        f"The external key {xks_key_id} is already associated with another KMS key in this external key store.",
    )


def store_not_found(named: str) -> AwsError:
    """No custom key store of the account and Region has this id or name."""
    return AwsError("CustomKeyStoreNotFoundException", f"Custom key store {named} not found.")


def store_state(store_id: str, state: str, wanted: str) -> AwsError:
    """The operation is not for a key store in this connection state; `wanted` says in which it must be."""
    return AwsError(_STORE_STATE, f"Custom key store {store_id} is {state}. It must be {wanted} for this operation.")


def key_store_not_connected() -> AwsError:
    """A key is used whose external key store is not connected."""
    return AwsError(
        _KEY_STATE,
        "This KMS key is in a custom key store that is not connected to its external key store proxy. Connect the "
        "external key store and try the request again.",
    )


def cluster_failed(arn: str) -> AwsError:
    """The cluster of a key's key store does not do what it should."""
    return AwsError(
        _KEY_STATE,
        f"AWS KMS cannot use {arn} because the AWS CloudHSM cluster of its custom key store is not available.",
    )


def backing_key_missing(arn: str) -> AwsError:
    """The cluster is there, and the key in it is not, or not as KMS made it."""
    return AwsError(
        _KEY_STATE, f"The key material of {arn} was not found in the AWS CloudHSM cluster of its custom key store."
    )


def cluster_timed_out() -> AwsError:
    """The cluster did not answer in time; clients try again by themselves."""
    return AwsError(
        "DependencyTimeoutException", "The system timed out while trying to fulfill the request. You can retry it.", 503
    )


def cluster_not_found(cluster_id: str) -> AwsError:
    """The operator has named no token that stands for this cluster."""
    return AwsError("CloudHsmClusterNotFoundException", f"Cannot find the AWS CloudHSM cluster {cluster_id}.")


def cluster_not_active(cluster_id: str) -> AwsError:
    """The token that stands for the cluster is not there."""
    return AwsError("CloudHsmClusterNotActiveException", f"The AWS CloudHSM cluster {cluster_id} is not active.")


def cluster_in_use(cluster_id: str) -> AwsError:
    """The cluster is associated with a key store already."""
    return AwsError(
        "CloudHsmClusterInUseException", f"The AWS CloudHSM cluster {cluster_id} is associated with a custom key store."
    )


def cluster_not_related(cluster_id: str) -> AwsError:
    """The cluster lacks keys of the key store, so it is no copy of the one before."""
    return AwsError(
        "CloudHsmClusterNotRelatedException",
        f"The AWS CloudHSM cluster {cluster_id} is not related to the cluster of the custom key store.",
    )


def incorrect_trust_anchor() -> AwsError:
    """What is said to be the cluster's certificate is none."""
    return AwsError("IncorrectTrustAnchorException", "TrustAnchorCertificate is not a certificate in PEM format.")


def name_in_use(name: str) -> AwsError:
    """Another key store of the account and Region has the name."""
    return AwsError("CustomKeyStoreNameInUseException", f"Custom key store name {name} is already in use.")


def proxy_uri_in_use() -> AwsError:
    """Another key store of the account and Region has this endpoint and path."""
    return AwsError(
        "XksProxyUriInUseException",
        "The XksProxyUriEndpoint and XksProxyUriPath are already associated with another external key store.",
    )


def store_has_keys(store_id: str) -> AwsError:
    """A key store with keys cannot be deleted."""
    return AwsError("CustomKeyStoreHasCMKsException", f"Custom key store {store_id} contains KMS keys.")
