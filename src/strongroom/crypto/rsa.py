"""RSA keys of 2048, 3072 and 4096 bits: OAEP, PSS and PKCS#1 v1.5 signatures (RFC 8017).

OAEP and PSS use MGF1 with the same hash function, OAEP an empty label, PSS a salt as long as the digest. Signatures are
made over digests that the caller has computed. A key object parses its key once: make it once and keep it. It is safe
to share between threads.
"""

from cryptography import exceptions
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.crypto.aead import AuthenticationFailed
from strongroom.crypto.hashes import HASHES, ByHashName
from strongroom.crypto.key_encoding import load_private_key, load_public_key, private_key_bytes, public_key_bytes
from strongroom.crypto.signature import InvalidSignature

BITS = (2048, 3072, 4096)

_RSA = "1.2.840.113549.1.1.1"
_PUBLIC_EXPONENT = 65537
_PKCS1V15 = PKCS1v15()

_OAEP = ByHashName(
    {name: OAEP(MGF1(HASHES[name]), HASHES[name], None) for name in ("sha1", "sha256", "sha384", "sha512")}
)
_PREHASHED = ByHashName({name: Prehashed(HASHES[name]) for name in ("sha256", "sha384", "sha512")})
_PSS = ByHashName({name: PSS(MGF1(HASHES[name]), HASHES[name].digest_size) for name in _PREHASHED})


def generate_rsa_private_key(bits: int) -> bytes:
    """Return a fresh private key as PKCS#8 DER. Takes a tenth of a second to several: let a thread do it.

    Raises ValueError for other sizes than `BITS`.
    """
    _check_size(bits)
    return private_key_bytes(rsa.generate_private_key(_PUBLIC_EXPONENT, bits))


def oaep_plaintext_bytes_max(bits: int, hash_name: str) -> int:
    """Return how many bytes a key of `bits` bits can encrypt with OAEP. Source: RFC 8017, section 7.1.1."""
    return bits // 8 - 2 * _OAEP[hash_name].algorithm.digest_size - 2


class RsaPublicKey:
    """What everybody may do with an RSA key, from its SubjectPublicKeyInfo DER.

    Raises ValueError for a key that is not RSA, or of another size than `BITS`.
    """

    __slots__ = ("_public", "bits", "public_key")

    def __init__(self, spki: bytes) -> None:
        self._public: rsa.RSAPublicKey = load_public_key(spki, _RSA, rsa.RSAPublicKey)
        self.bits: int = self._public.key_size
        self.public_key: bytes = spki
        _check_size(self.bits)

    def __repr__(self) -> str:
        return f"RsaPublicKey({self.bits} bits)"

    @property
    def pkcs1(self) -> bytes:
        """The public key as RSAPublicKey DER. Source: RFC 8017, appendix A.1.1."""
        return self._public.public_bytes(Encoding.DER, PublicFormat.PKCS1)

    def encrypt_oaep(self, plaintext: bytes, hash_name: str) -> bytes:
        """Return the ciphertext, `bits` long. Raises ValueError for more than `oaep_plaintext_bytes_max` bytes."""
        if len(plaintext) > oaep_plaintext_bytes_max(self.bits, hash_name):
            raise ValueError("the plaintext is too long for this key and hash function")
        return self._public.encrypt(plaintext, _OAEP[hash_name])

    def verify_pss(self, signature: bytes, digest: bytes, hash_name: str) -> None:
        """Return when the PSS signature holds, or raise InvalidSignature.

        Raises ValueError for a digest that is not as long as those of the hash function.
        """
        try:
            self._public.verify(signature, digest, _PSS[hash_name], _PREHASHED[hash_name])
        except exceptions.InvalidSignature:
            raise InvalidSignature from None

    def verify_pkcs1v15(self, signature: bytes, digest: bytes, hash_name: str) -> None:
        """Return when the PKCS#1 v1.5 signature holds, or raise InvalidSignature.

        Raises ValueError for a digest that is not as long as those of the hash function.
        """
        try:
            self._public.verify(signature, digest, _PKCS1V15, _PREHASHED[hash_name])
        except exceptions.InvalidSignature:
            raise InvalidSignature from None


class RsaPrivateKey(RsaPublicKey):
    """An RSA private key, from its PKCS#8 DER.

    Raises ValueError for a key that is not RSA, of another size than `BITS`, or whose numbers do not belong together.
    That last check tests primes and takes 45 milliseconds at 2048 bits, 300 at 4096, in which no other thread runs.
    `unsafe_skip_check` leaves it out: for keys only that were made here, or were checked when they came in, and have
    been sealed since.
    """

    __slots__ = ("_private",)

    def __init__(self, pkcs8: bytes, *, unsafe_skip_check: bool = False) -> None:
        key: rsa.RSAPrivateKey = load_private_key(pkcs8, _RSA, rsa.RSAPrivateKey, unsafe_skip_rsa_check=True)
        super().__init__(public_key_bytes(key.public_key()))
        if not unsafe_skip_check:
            _check_factors(key)
            key = load_private_key(pkcs8, _RSA, rsa.RSAPrivateKey)
        self._private = key

    def __repr__(self) -> str:
        return f"RsaPrivateKey({self.bits} bits, hidden)"

    def decrypt_oaep(self, ciphertext: bytes, hash_name: str) -> bytes:
        """Return the plaintext. Raises AuthenticationFailed, whatever is wrong.

        One and the same failure for a bad length and for bad padding: an answer that told them apart would decrypt
        other people's ciphertexts, question by question (Manger's attack).
        """
        padding = _OAEP[hash_name]
        try:
            return self._private.decrypt(ciphertext, padding)
        except ValueError:
            raise AuthenticationFailed from None

    def sign_pss(self, digest: bytes, hash_name: str) -> bytes:
        """Return the PSS signature, `bits` long. Raises ValueError for a digest of another length."""
        return self._private.sign(digest, _PSS[hash_name], _PREHASHED[hash_name])

    def sign_pkcs1v15(self, digest: bytes, hash_name: str) -> bytes:
        """Return the PKCS#1 v1.5 signature, `bits` long. Raises ValueError for a digest of another length."""
        return self._private.sign(digest, _PKCS1V15, _PREHASHED[hash_name])


def _check_size(bits: int) -> None:
    if bits not in BITS:
        raise ValueError("an RSA key has 2048, 3072 or 4096 bits")


def _check_factors(key: rsa.RSAPrivateKey) -> None:
    """Refuse what the library's own check does not bound: it tests "primes" of any length, for minutes."""
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    if numbers.p * numbers.q != modulus or not 0 < numbers.d < modulus:
        raise ValueError("the numbers of this RSA key do not belong together")
