"""Keys on the curves P-256, P-384, P-521 (NIST SP 800-186) and secp256k1 (SEC 2): ECDSA and Diffie-Hellman.

ECDSA signs digests that the caller has computed (FIPS 186-5); its signatures are DER. A key object parses its key once:
make it once and keep it. It is safe to share between threads.
"""

from collections.abc import Mapping

from cryptography import exceptions
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.crypto.hashes import HASHES, ByHashName
from strongroom.crypto.key_encoding import load_private_key, load_public_key, private_key_bytes, public_key_bytes
from strongroom.crypto.signature import InvalidSignature

CURVES: Mapping[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
    "secp256k1": ec.SECP256K1(),
}

_ELLIPTIC_CURVE = "1.2.840.10045.2.1"
_NAMES = {curve.name: name for name, curve in CURVES.items()}
_DIFFIE_HELLMAN = ec.ECDH()
_ECDSA = ByHashName({name: ec.ECDSA(Prehashed(HASHES[name])) for name in ("sha256", "sha384", "sha512")})


def generate_elliptic_curve_private_key(curve: str) -> bytes:
    """Return a fresh private key as PKCS#8 DER. Raises ValueError for other curves than `CURVES` names."""
    if curve not in CURVES:
        raise ValueError(f"the curve is one of {', '.join(CURVES)}")
    return private_key_bytes(ec.generate_private_key(CURVES[curve]))


def public_key_of_point(curve: str, point: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo DER of a compressed point (SEC 1, section 2.3.4).

    Raises ValueError for other curves than `CURVES` names, and for what is no compressed point of the curve.
    """
    if curve not in CURVES:
        raise ValueError(f"the curve is one of {', '.join(CURVES)}")
    if point[:1] not in (b"\x02", b"\x03"):
        raise ValueError("this is not a compressed point")
    return public_key_bytes(ec.EllipticCurvePublicKey.from_encoded_point(CURVES[curve], point))


class EllipticCurvePublicKey:
    """What everybody may do with an elliptic curve key, from its SubjectPublicKeyInfo DER.

    Raises ValueError for a key of another kind or curve, or that is no point of its curve.
    """

    __slots__ = ("_public", "curve", "public_key")

    def __init__(self, spki: bytes) -> None:
        key: ec.EllipticCurvePublicKey = load_public_key(spki, _ELLIPTIC_CURVE, ec.EllipticCurvePublicKey)
        self._public = key
        self.curve: str = _curve_name(self._public.curve)
        self.public_key: bytes = spki

    def __repr__(self) -> str:
        return f"EllipticCurvePublicKey({self.curve})"

    def compressed_point(self) -> bytes:
        """Return the public key as a compressed point (SEC 1, section 2.3.3)."""
        return self._public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def verify(self, signature: bytes, digest: bytes, hash_name: str) -> None:
        """Return when the DER-encoded ECDSA signature holds, or raise InvalidSignature.

        Raises ValueError for a digest that is not as long as those of the hash function.
        """
        try:
            self._public.verify(signature, digest, _ECDSA[hash_name])
        except exceptions.InvalidSignature:
            raise InvalidSignature from None


class EllipticCurvePrivateKey(EllipticCurvePublicKey):
    """An elliptic curve private key, from its PKCS#8 DER.

    Raises ValueError for a key of another kind or curve, or whose public point is not that of its private number.
    """

    __slots__ = ("_private",)

    def __init__(self, pkcs8: bytes) -> None:
        key: ec.EllipticCurvePrivateKey = load_private_key(pkcs8, _ELLIPTIC_CURVE, ec.EllipticCurvePrivateKey)
        self._private = key
        super().__init__(public_key_bytes(key.public_key()))

    def __repr__(self) -> str:
        return f"EllipticCurvePrivateKey({self.curve}, hidden)"

    def sign(self, digest: bytes, hash_name: str) -> bytes:
        """Return the ECDSA signature, DER-encoded. Raises ValueError for a digest of another length."""
        return self._private.sign(digest, _ECDSA[hash_name])

    def shared_secret(self, peer_public_key: bytes) -> bytes:
        """Return the x coordinate of the shared point, as long as the curve's field (NIST SP 800-56A, section 5.7.1.2).

        It is not uniformly random: derive keys from it. The peer's key is SubjectPublicKeyInfo DER. Raises ValueError
        when that is not a point of the same curve; a point of another curve would give the private key away.
        """
        peer = EllipticCurvePublicKey(peer_public_key)
        if peer.curve != self.curve:
            raise ValueError("the public key is on another curve")
        return self._private.exchange(_DIFFIE_HELLMAN, peer._public)


def _curve_name(curve: ec.EllipticCurve) -> str:
    if curve.name not in _NAMES:
        raise ValueError(f"the curve is one of {', '.join(CURVES)}")
    return _NAMES[curve.name]
