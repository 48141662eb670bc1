"""What a proxy answered, checked against the specification. What is not exactly as it says is a malformed response.

Members that the specification does not name are passed over: a later version may add some.
"""

from typing import Any, NamedTuple

from strongroom.crypto.mac import equal
from strongroom.services.kms.key_stores import xks_protocol
from strongroom.services.kms.key_stores.xks_connection import Answer
from strongroom.services.kms.key_stores.xks_errors import MALFORMED, XksProxyError, refusal
from strongroom.services.kms.key_stores.xks_protocol import SealedByProxy

_JSON = "application/json"


class ExternalKey(NamedTuple):
    """An external key: its spec (`AES_256`), what it may be used for, and whether it is enabled."""

    spec: str
    usages: tuple[str, ...]
    is_enabled: bool


class Health(NamedTuple):
    """What a proxy says of itself, and the health of each of its key managers: ACTIVE, DEGRADED or UNAVAILABLE."""

    fleet_size: int
    vendor: str
    model: str
    key_manager_vendor: str
    key_managers: tuple[str, ...]

    @property
    def is_available(self) -> bool:
        """Whether one of the key managers can serve."""
        return any(status != "UNAVAILABLE" for status in self.key_managers)


def members(answer: Answer) -> dict[str, Any]:
    """Return the members of an answer that says yes. Raises XksProxyError for one that says no, or is not clear."""
    if answer.content_type.partition(";")[0].strip().lower() != _JSON:
        raise XksProxyError(MALFORMED)
    try:
        found = xks_protocol.parse_object(answer.body)
    except ValueError:
        raise XksProxyError(MALFORMED) from None
    if answer.status == 200:
        return found
    name = found.get("errorName")
    raise refusal(name if isinstance(name, str) else "")


def health(found: dict[str, Any]) -> Health:
    """Return the answer to GetHealthStatus. Raises XksProxyError."""
    fleet_size, details = found.get("xksProxyFleetSize"), found.get("ekmFleetDetails")
    _require(type(fleet_size) is int and fleet_size > 0)
    _require(isinstance(details, list) and 0 < len(details) <= xks_protocol.fleet_details_max)
    return Health(
        fleet_size or 0,
        _text(found, "xksProxyVendor"),
        _text(found, "xksProxyModel"),
        _text(found, "ekmVendor"),
        tuple(_health_status(entry) for entry in details or ()),
    )


def external_key(found: dict[str, Any]) -> ExternalKey:
    """Return the answer to GetKeyMetadata. Raises XksProxyError."""
    usages, status = found.get("keyUsage"), _text(found, "keyStatus")
    _require(isinstance(usages, list) and len(usages) <= xks_protocol.key_usages_max)
    _require(all(isinstance(usage, str) for usage in usages or ()))
    _require(status in ("ENABLED", "DISABLED"))
    return ExternalKey(_text(found, "keySpec"), tuple(usages or ()), status == xks_protocol.ENABLED)


def sealed(found: dict[str, Any], plaintext_bytes: int, aad: bytes) -> SealedByProxy:
    """Return the answer to Encrypt, whose integrity value agrees. Raises XksProxyError."""
    answer = SealedByProxy(
        ciphertext=_bytes(found, "ciphertext"),
        metadata=_bytes(found, "ciphertextMetadata") if "ciphertextMetadata" in found else b"",
        iv=_bytes(found, "initializationVector"),
        tag=_bytes(found, "authenticationTag"),
    )
    _require(len(answer.ciphertext) == plaintext_bytes)
    _require(len(answer.metadata) <= xks_protocol.metadata_bytes_max)
    _require(len(answer.iv) in xks_protocol.iv_bytes)
    _require(len(answer.tag) == xks_protocol.tag_bytes)
    declared = _bytes(found, "ciphertextDataIntegrityValue")
    _require(equal(declared, xks_protocol.integrity_value(aad, answer)))
    return answer


def plaintext(found: dict[str, Any], ciphertext_bytes: int) -> bytes:
    """Return the answer to Decrypt. Raises XksProxyError."""
    opened = _bytes(found, "plaintext")
    _require(len(opened) == ciphertext_bytes)
    return opened


def _health_status(entry: Any) -> str:
    _require(isinstance(entry, dict))
    _text(entry, "id")
    _text(entry, "model")
    status = _text(entry, "healthStatus")
    _require(status in xks_protocol.HEALTH_STATUSES)
    return status


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str):
        raise XksProxyError(MALFORMED)
    return value


def _bytes(found: dict[str, Any], name: str) -> bytes:
    try:
        return xks_protocol.decode(found.get(name))
    except ValueError:
        raise XksProxyError(MALFORMED) from None


def _require(holds: bool) -> None:
    if not holds:
        raise XksProxyError(MALFORMED)
