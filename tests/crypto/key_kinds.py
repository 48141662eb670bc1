"""Every kind of key that `crypto` makes, with one private key of each, made once."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from strongroom.crypto import ed25519, elliptic_curve, ml_dsa, ml_kem, rsa


class KeyKind(NamedTuple):
    """A kind of key: how one is made, and the classes of its two halves."""

    name: str
    generate: Callable[[], bytes]
    private: Callable[[bytes], Any]
    public: Callable[[bytes], Any]


def _kinds() -> list[KeyKind]:
    partial = functools.partial
    rsa_keys = partial(rsa.generate_rsa_private_key, 2048)
    kinds = [
        KeyKind("RSA-2048", rsa_keys, rsa.RsaPrivateKey, rsa.RsaPublicKey),
        KeyKind("Ed25519", ed25519.generate_ed25519_private_key, ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey),
    ]
    for curve in elliptic_curve.CURVES:
        generate = partial(elliptic_curve.generate_elliptic_curve_private_key, curve)
        classes = elliptic_curve.EllipticCurvePrivateKey, elliptic_curve.EllipticCurvePublicKey
        kinds.append(KeyKind(curve, generate, *classes))
    for parameter_set in ml_dsa.PARAMETER_SETS:
        generate = partial(ml_dsa.generate_ml_dsa_private_key, parameter_set)
        kinds.append(KeyKind(f"ML-DSA-{parameter_set}", generate, ml_dsa.MlDsaPrivateKey, ml_dsa.MlDsaPublicKey))
    for parameter_set in ml_kem.PARAMETER_SETS:
        generate = partial(ml_kem.generate_ml_kem_private_key, parameter_set)
        kinds.append(KeyKind(f"ML-KEM-{parameter_set}", generate, ml_kem.MlKemPrivateKey, ml_kem.MlKemPublicKey))
    return kinds


KINDS = _kinds()


@functools.cache
def pkcs8_of(kind: KeyKind) -> bytes:
    """Return one private key of a kind, the same each time."""
    return kind.generate()


@functools.cache
def private_of(kind: KeyKind) -> Any:
    """Return one private key of a kind as an object, the same each time."""
    return kind.private(pkcs8_of(kind))
