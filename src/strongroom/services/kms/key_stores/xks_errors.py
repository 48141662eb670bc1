"""What can go wrong between KMS and an external key store proxy, under AWS's names and in AWS's words.

Source: AWS KMS External Key Store Proxy API Specification, version 1, "Error codes", "KMS Considerations".
"""

from strongroom.services.kms.key_stores.xks_protocol import ERROR_STATUSES

# Failures that no proxy names, because it was not reached or not understood.
UNREACHABLE = "Unreachable"
TLS_FAILED = "TlsFailed"
TIMED_OUT = "TimedOut"
MALFORMED = "MalformedResponse"

_NOT_INTERPRETED = (
    "AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, report "
    "it to your external key store proxy administrator."
)

_WORDS = {
    "ValidationException": _NOT_INTERPRETED,
    "InvalidStateException": (
        "The external key associated with this KMS key in an external key store is not enabled in the external key "
        "manager. Enable the external key in the external key manager and retry the request."
    ),
    "InvalidCiphertextException": (
        "The external key store proxy rejected the request because the specified ciphertext or encryption context is "
        "corrupted, missing, or otherwise invalid."
    ),
    "InvalidKeyUsageException": (
        "The external key associated with this KMS key in an external key store does not support the requested "
        "operation. Enable the operation on the key in your external key manager, and try the request again."
    ),
    "AuthenticationFailedException": (
        "The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the XKS "
        "proxy authentication credentials for your external key store and update if necessary."
    ),
    "AccessDeniedException": (
        "The external key store proxy denied access to the operation. Verify that the user and the external key are "
        "both authorized for this operation, and try the request again."
    ),
    "KeyNotFoundException": (
        "The external key associated with this KMS key in an external key store was not found in its external key "
        "manager. If the external key ID associated with this KMS key is incorrect, create a new KMS key with the "
        "correct external key ID."
    ),
    "InvalidUriPathException": (
        "The external key store proxy rejected the request because of an invalid URI path. Verify the URI path for "
        "your external key store and update if necessary."
    ),
    "ThrottlingException": (
        "The external key store proxy rejected the request due to a very high request rate. Reduce the frequency of "
        "your calls using KMS keys in this external key store."
    ),
    "InternalException": (
        "The external key store proxy rejected the request because it cannot communicate with the external key "
        "manager. Verify that the external key store proxy configuration is correct and that the external key manager "
        "is available."
    ),
    "UnsupportedOperationException": (
        "The external key store proxy rejected the request because it does not support the requested operation. If you "
        "see this error repeatedly, report it to your external key store proxy administrator."
    ),
    "DependencyTimeoutException": (
        "The external key store proxy did not respond to the request in the time allotted. Retry the request. If you "
        "see this error repeatedly, report it to your external key store proxy administrator."
    ),
    UNREACHABLE: (
        "AWS KMS cannot communicate with the external key store proxy. This might be a transient network issue. If you "
        "see this error repeatedly, verify that your external key store proxy is active and is connected to the "
        "network, and that its endpoint URI is correct in your external keystore."
    ),
    TLS_FAILED: (
        "AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, "
        "including its certificate."
    ),
    TIMED_OUT: (
        "AWS KMS rejected the request because the external key store proxy did not respond in time. Retry the request. "
        "If you see this error repeatedly, report it to your external key store proxy administrator."
    ),
    MALFORMED: _NOT_INTERPRETED,
}


class XksProxyError(Exception):
    """A proxy refused, or could not be asked.

    `name` is the proxy's own name of the error (`KeyNotFoundException`), or one of this module's. `message` is what KMS
    tells its caller. What the proxy says beyond the name is not passed on.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name
        self.message = _WORDS[name]


def refusal(name: str) -> XksProxyError:
    """Return the error of a name that a proxy sent; one that the specification does not know was not understood."""
    return XksProxyError(name if name in ERROR_STATUSES else MALFORMED)
