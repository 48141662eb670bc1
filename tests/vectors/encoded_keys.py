"""Keys in DER from the raw bytes and numbers that vectors give."""

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from strongroom.crypto.key_encoding import private_key_bytes, public_key_bytes

ED25519 = "06032b6570"
ML_DSA = {44: "0609608648016503040311", 65: "0609608648016503040312", 87: "0609608648016503040313"}
ML_KEM = {512: "0609608648016503040401", 768: "0609608648016503040402", 1024: "0609608648016503040403"}
CURVES = {"P-256": "06082a8648ce3d030107", "P-384": "06052b81040022", "P-521": "06052b81040023"}
"""Object identifiers as DER, in hexadecimal."""

_ELLIPTIC_CURVE = "06072a8648ce3d0201"
_COORDINATE_BYTES = {"P-256": 32, "P-384": 48, "P-521": 66}


def der(tag: int, content: bytes) -> bytes:
    """Return one value of DER (X.690): tag, length, content."""
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def pkcs8(algorithm: str, private_key: bytes) -> bytes:
    """Return PKCS#8 of an algorithm without parameters (its identifier as hexadecimal DER)."""
    return der(0x30, der(0x02, b"\0") + der(0x30, bytes.fromhex(algorithm)) + der(0x04, private_key))


def seed_pkcs8(algorithm: str, seed: bytes) -> bytes:
    """Return PKCS#8 of an ML-DSA or ML-KEM key as its seed (RFC 9881, RFC 9935)."""
    return pkcs8(algorithm, der(0x80, seed))


def spki(algorithm: str, public_key: bytes) -> bytes:
    """Return SubjectPublicKeyInfo of an algorithm (its identifier, and parameters if any, as hexadecimal DER)."""
    return der(0x30, der(0x30, bytes.fromhex(algorithm)) + der(0x03, b"\0" + public_key))


def rsa_spki(n: int, e: int) -> bytes:
    """Return SubjectPublicKeyInfo of an RSA key."""
    return public_key_bytes(rsa.RSAPublicNumbers(e, n).public_key())


def rsa_pkcs8(n: int, e: int, d: int, p: int, q: int) -> bytes:
    """Return PKCS#8 of an RSA key, whose numbers are not checked."""
    remainders = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, *remainders, rsa.RSAPublicNumbers(e, n))
    return private_key_bytes(numbers.private_key(unsafe_skip_rsa_key_validation=True))


def point_spki(curve: ec.EllipticCurve, x: int, y: int) -> bytes:
    """Return SubjectPublicKeyInfo of a point. Raises ValueError when it is not on the curve."""
    return public_key_bytes(ec.EllipticCurvePublicNumbers(x, y, curve).public_key())


def unchecked_point_spki(curve: str, x: int, y: int) -> bytes:
    """Return SubjectPublicKeyInfo of what may be no point of the curve."""
    size = _COORDINATE_BYTES[curve]
    return spki(_ELLIPTIC_CURVE + CURVES[curve], b"\x04" + x.to_bytes(size) + y.to_bytes(size))


def scalar_pkcs8(curve: ec.EllipticCurve, scalar: int) -> bytes:
    """Return PKCS#8 of an elliptic curve key."""
    return private_key_bytes(ec.derive_private_key(scalar, curve))
