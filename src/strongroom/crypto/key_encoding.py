"""Keys as bytes: private ones in PKCS#8 (RFC 5208, RFC 5958), public ones in SubjectPublicKeyInfo (RFC 5280), all DER.

Imported keys come from outside, so that loading is strict: the named algorithm and no other, in the named structure and
in no older one, unencrypted. An error quotes nothing of the key.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)
from cryptography.x509 import ObjectIdentifier

_NO_PRIVATE_KEY = "this is not a valid, unencrypted private key in PKCS#8 DER"
_NO_PUBLIC_KEY = "this is not a valid public key in SubjectPublicKeyInfo DER"


@asn1.sequence
class _OneAsymmetricKey:
    version: int
    algorithm: asn1.TLV
    private_key: bytes
    attributes: Annotated[asn1.SetOf[asn1.TLV] | None, asn1.Implicit(0)]
    public_key: Annotated[asn1.BitString | None, asn1.Implicit(1)]


@asn1.sequence
class _SubjectPublicKeyInfo:
    algorithm: asn1.TLV
    public_key: asn1.BitString


def private_key_algorithm(pkcs8: bytes, algorithms: Iterable[str]) -> str:
    """Return which of `algorithms` (object identifiers, dotted) a private key is of, looking at its header only.

    Raises ValueError when it is of none, or not PKCS#8.
    """
    try:
        identifier = asn1.decode_der(_OneAsymmetricKey, pkcs8).algorithm
    except ValueError:
        raise ValueError(_NO_PRIVATE_KEY) from None
    return _algorithm(identifier, algorithms)


def public_key_algorithm(spki: bytes, algorithms: Iterable[str]) -> str:
    """Return which of `algorithms` (object identifiers, dotted) a public key is of, looking at its header only.

    Raises ValueError when it is of none, or not SubjectPublicKeyInfo.
    """
    try:
        identifier = asn1.decode_der(_SubjectPublicKeyInfo, spki).algorithm
    except ValueError:
        raise ValueError(_NO_PUBLIC_KEY) from None
    return _algorithm(identifier, algorithms)


def load_private_key(pkcs8: bytes, algorithm: str, kind: type[Any], *, unsafe_skip_rsa_check: bool = False) -> Any:
    """Return the private key, a `kind`, of one algorithm (an object identifier, dotted).

    Raises ValueError for anything else.
    """
    private_key_algorithm(pkcs8, (algorithm,))
    try:
        key = load_der_private_key(pkcs8, None, unsafe_skip_rsa_key_validation=unsafe_skip_rsa_check)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError(_NO_PRIVATE_KEY) from None
    if not isinstance(key, kind):
        raise ValueError(_NO_PRIVATE_KEY)
    return key


def load_public_key(spki: bytes, algorithm: str, kind: type[Any]) -> Any:
    """Return the public key, a `kind`, of one algorithm (an object identifier, dotted).

    Raises ValueError for anything else.
    """
    public_key_algorithm(spki, (algorithm,))
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(_NO_PUBLIC_KEY) from None
    if not isinstance(key, kind):
        raise ValueError(_NO_PUBLIC_KEY)
    return key


def private_key_bytes(key: PrivateKeyTypes) -> bytes:
    """Return a private key as unencrypted PKCS#8 DER."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def public_key_bytes(key: PublicKeyTypes) -> bytes:
    """Return a public key as SubjectPublicKeyInfo DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _algorithm(identifier: asn1.TLV, algorithms: Iterable[str]) -> str:
    """An AlgorithmIdentifier is a sequence of an object identifier and parameters, which the loading library judges."""
    for algorithm in algorithms:
        if bytes(identifier.data).startswith(asn1.encode_der(ObjectIdentifier(algorithm))):
            return algorithm
    raise ValueError("this key is of another algorithm")
