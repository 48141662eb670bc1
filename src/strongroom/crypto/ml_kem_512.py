"""ML-KEM-512, which the `cryptography` library lacks, by PyCryptodome, which runs mlkem-native.

Imported on first use: few keys need it. PyCryptodome has encapsulation as methods that it uses itself, for HPKE, and
does not document. The published vectors in the tests hold them to what FIPS 203 says.
"""

from Crypto.PublicKey import MLKEM


def generate() -> bytes:
    """Return a fresh private key as PKCS#8 DER."""
    return MLKEM.generate(param_set=MLKEM.ML_KEM_512).export_key()


class MlKem512Encapsulator:
    """Encapsulates to one public key, SubjectPublicKeyInfo DER. Raises ValueError for one that FIPS 203 refuses."""

    __slots__ = ("_key",)

    def __init__(self, spki: bytes) -> None:
        self._key = _imported(spki)
        if self._key.has_private():
            raise ValueError("this is not a public key")

    def encapsulate(self) -> tuple[bytes, bytes]:
        """Return a fresh 32-byte shared secret and its 768-byte ciphertext."""
        return self._key._encaps()


class MlKem512Decapsulator:
    """Decapsulates with one private key, PKCS#8 DER with nothing but the seed in it. Raises ValueError for others."""

    __slots__ = ("_key", "public_key")

    def __init__(self, pkcs8: bytes) -> None:
        self._key = _imported(pkcs8)
        self.public_key: bytes = self._key.public_key().export_key()
        if not self._key.has_private():
            raise ValueError("this is not a private key")

    def __repr__(self) -> str:
        return "MlKem512Decapsulator(key hidden)"

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """Return the 32-byte shared secret. Raises ValueError for a ciphertext that has not 768 bytes."""
        return self._key._decaps(ciphertext)


def _imported(der: bytes) -> MLKEM.MLKEMKey:
    """A key that would be written in other bytes than it was read from is in a form that the other parameter sets'
    library does not take either."""
    key = MLKEM.import_key(der)
    if key.param_set != MLKEM.ML_KEM_512 or key.export_key() != der:
        raise ValueError("this is not an ML-KEM-512 key in its usual form")
    return key
