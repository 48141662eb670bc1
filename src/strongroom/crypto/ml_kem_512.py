"""ML-KEM-512, which the `cryptography` library lacks, by PyCryptodome, which runs mlkem-native.

Imported on first use: few keys need it. PyCryptodome has encapsulation as methods that it uses itself, for HPKE, and
does not document. The published vectors in the tests hold them to what FIPS 203 says.
"""

from Crypto.PublicKey import MLKEM

PUBLIC_KEY_BYTES = 800
SEED_BYTES = 64


def generate() -> bytes:
    """Return a fresh private key as PKCS#8 DER."""
    return MLKEM.generate(param_set=MLKEM.ML_KEM_512).export_key()


class MlKem512Encapsulator:
    """Encapsulates to one public key, SubjectPublicKeyInfo DER. Raises ValueError for one that FIPS 203 refuses."""

    __slots__ = ("_key",)

    def __init__(self, spki: bytes) -> None:
        self._key = MLKEM.construct(param_set=MLKEM.ML_KEM_512, ek=spki[-PUBLIC_KEY_BYTES:])
        _check_form(self._key, spki)

    def encapsulate(self) -> tuple[bytes, bytes]:
        """Return a fresh 32-byte shared secret and its 768-byte ciphertext."""
        return self._key._encaps()


class MlKem512Decapsulator:
    """Decapsulates with one private key, PKCS#8 DER with nothing but the seed in it. Raises ValueError for others."""

    __slots__ = ("_key", "public_key")

    def __init__(self, pkcs8: bytes) -> None:
        self._key = MLKEM.construct(param_set=MLKEM.ML_KEM_512, seed=pkcs8[-SEED_BYTES:])
        _check_form(self._key, pkcs8)
        self.public_key: bytes = self._key.public_key().export_key()

    def __repr__(self) -> str:
        return "MlKem512Decapsulator(key hidden)"

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """Return the 32-byte shared secret. Raises ValueError for a ciphertext that has not 768 bytes."""
        return self._key._decaps(ciphertext)


def _check_form(key: MLKEM.MLKEMKey, encoded: bytes) -> None:
    """Refuse all that is not the one encoding of this key, at whose end the key was taken: nothing is parsed."""
    if key.export_key() != encoded:
        raise ValueError("this is not an ML-KEM-512 key in its usual form")
