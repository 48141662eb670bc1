"""What KMS asks of the proxy, checked. Members that the specification does not name are passed over."""

from typing import Any, NamedTuple

from strongroom.base.errors import AwsError
from strongroom.services.kms.key_stores import xks_protocol
from strongroom.services.kms.key_stores.xks_protocol import SealedByProxy

text_characters_max = 2_048


class Metadata(NamedTuple):
    """Why KMS asks. `principal_arn` and `key_arn` are empty where they need not be there."""

    request_id: str
    operation: str
    principal_arn: str
    key_arn: str


class EncryptRequest(NamedTuple):
    """Plaintext and additional data; whether an integrity value is wanted."""

    plaintext: bytes
    aad: bytes
    wants_integrity_value: bool


class DecryptRequest(NamedTuple):
    """What an encryption answered, and the additional data."""

    sealed: SealedByProxy
    aad: bytes


def refusal(name: str, message: str = "") -> AwsError:
    """Return an error of the specification."""
    return AwsError(name, message, xks_protocol.ERROR_STATUSES[name])


def invalid(message: str) -> AwsError:
    """Return the refusal of a request that is not as the specification says."""
    return refusal("ValidationException", message)


def parse(body: bytes) -> dict[str, Any]:
    """Return the members of a request. Raises AwsError."""
    try:
        return xks_protocol.parse_object(body)
    except ValueError as error:
        raise invalid(f"The body is not a JSON object: {error}.") from None


def metadata_of(members: dict[str, Any], *, required: tuple[str, ...]) -> Metadata:
    """Return the request's metadata; `required` names what must be there beside what always must. Raises AwsError."""
    found = members.get("requestMetadata")
    if not isinstance(found, dict):
        raise invalid("requestMetadata is required.")
    names = ("kmsRequestId", "kmsOperation", "awsPrincipalArn", "kmsKeyArn")
    values = [found.get(name, "") for name in names]
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, str) or len(value) > text_characters_max:
            raise invalid(f"requestMetadata.{name} is not a text, or too long.")
        if not value and name in ("kmsRequestId", "kmsOperation", *required):
            raise invalid(f"requestMetadata.{name} is required.")
    return Metadata(*values)


def encrypt_request(members: dict[str, Any]) -> EncryptRequest:
    """Return what is to be encrypted. Raises AwsError."""
    _require_algorithm(members)
    integrity_algorithm = members.get("ciphertextDataIntegrityValueAlgorithm")
    if integrity_algorithm not in (None, xks_protocol.CDIV_ALGORITHM):
        raise refusal("UnsupportedOperationException", "ciphertextDataIntegrityValueAlgorithm can be SHA_256 only.")
    return EncryptRequest(
        _bytes(members, "plaintext", xks_protocol.plaintext_bytes_max), _aad(members), integrity_algorithm is not None
    )


def decrypt_request(members: dict[str, Any]) -> DecryptRequest:
    """Return what is to be decrypted. Raises AwsError."""
    _require_algorithm(members)
    metadata = members.get("ciphertextMetadata")
    sealed = SealedByProxy(
        ciphertext=_bytes(members, "ciphertext", xks_protocol.plaintext_bytes_max),
        metadata=b"" if metadata is None else _bytes(members, "ciphertextMetadata", xks_protocol.metadata_bytes_max),
        iv=_bytes(members, "initializationVector", max(xks_protocol.iv_bytes)),
        tag=_bytes(members, "authenticationTag", xks_protocol.tag_bytes),
    )
    if len(sealed.iv) not in xks_protocol.iv_bytes or len(sealed.tag) != xks_protocol.tag_bytes:
        raise invalid("initializationVector has 12 or 16 bytes, authenticationTag has 16.")
    return DecryptRequest(sealed, _aad(members))


def _require_algorithm(members: dict[str, Any]) -> None:
    algorithm = members.get("encryptionAlgorithm")
    if not isinstance(algorithm, str):
        raise invalid("encryptionAlgorithm is required.")
    if algorithm != xks_protocol.ENCRYPTION_ALGORITHM:
        raise refusal("UnsupportedOperationException", "encryptionAlgorithm can be AES_GCM only.")


def _aad(members: dict[str, Any]) -> bytes:
    if members.get("additionalAuthenticatedData") is None:
        return b""
    return _bytes(members, "additionalAuthenticatedData", xks_protocol.aad_bytes_max)


def _bytes(members: dict[str, Any], name: str, bytes_max: int) -> bytes:
    try:
        value = xks_protocol.decode(members.get(name))
    except ValueError:
        raise invalid(f"{name} is missing, or not Base64.") from None
    if len(value) > bytes_max:
        raise refusal("UnsupportedOperationException", f"{name} has more than {bytes_max} bytes.")
    return value
