"""A 256-bit AES key in a token, which encrypts and decrypts there: AES-GCM (NIST SP 800-38D), CKM_AES_GCM."""

from pkcs11 import Mechanism
from pkcs11.exceptions import PKCS11Error
from pkcs11.mechanisms import GCMParams

from strongroom.crypto.aead import AuthenticationFailed
from strongroom.crypto.mac import equal
from strongroom.crypto.random import random_bytes
from strongroom.hsm.errors import KeyNotFound, KeyUnusable
from strongroom.hsm.session import LoggedIn, SecretKey
from strongroom.hsm.token import Token

IV_BYTES = 12
TAG_BYTES = 16
OVERHEAD_BYTES = IV_BYTES + TAG_BYTES
PLAINTEXT_BYTES_MAX = 64 * 1024


class TokenKey:
    """An AES-256 key of a token, named by its CKA_ID. Safe to share between threads.

    A message becomes `IV (12 bytes) || ciphertext || tag (16 bytes)`, with a random IV: what every token with AES-GCM
    can do. That is good for 2**32 messages under one key (SP 800-38D, section 8.3); no count is kept.
    """

    __slots__ = ("_token", "key_id")

    def __init__(self, token: Token, key_id: bytes) -> None:
        self._token = token
        self.key_id = key_id

    def __repr__(self) -> str:
        return f"TokenKey({self._token.label!r}, {self.key_id.hex()})"

    def encrypt(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return `IV || ciphertext || tag`; `aad` is authenticated, not contained.

        Raises HsmError, and ValueError for more than `PLAINTEXT_BYTES_MAX` bytes.
        """
        if len(plaintext) > PLAINTEXT_BYTES_MAX:
            raise ValueError(f"a token encrypts at most {PLAINTEXT_BYTES_MAX} bytes as one message")
        return self._token.use(lambda logged_in: _encrypt(logged_in.key(self.key_id), plaintext, aad))

    def decrypt(self, blob: bytes, aad: bytes) -> bytes:
        """Return the plaintext. Raises AuthenticationFailed for what `encrypt` did not make with this `aad`; HsmError.

        Tokens say "general error" of a message that was altered and of a failure of their own. The key tells which: as
        long as it opens what it seals, the token works and the message is at fault.
        """
        if not OVERHEAD_BYTES <= len(blob) <= PLAINTEXT_BYTES_MAX + OVERHEAD_BYTES:
            raise AuthenticationFailed

        def work(logged_in: LoggedIn) -> bytes:
            key = logged_in.key(self.key_id)
            try:
                return _decrypt(key, blob, aad)
            except PKCS11Error:
                if not _opens_what_it_seals(key):
                    raise
                raise AuthenticationFailed from None

        return self._token.use(work)

    def look_up(self) -> None:
        """Raise HsmError unless the token has the key at this moment, and it is fit for use."""
        self._token.use(lambda logged_in: logged_in.key(self.key_id, anew=True))

    def check(self) -> None:
        """Raise HsmError unless the key is in the token, opens what it seals, and heeds the `aad`."""
        if not self._token.use(lambda logged_in: _works(logged_in.key(self.key_id))):
            raise KeyUnusable(f"{self._token} does not encrypt as it should with its key {self.key_id.hex()}")


def find_key(token: Token, label: str, *, make: bool = False) -> bytes:
    """Return the CKA_ID of the token's key with this label. `make` makes the key if there is none.

    Raises HsmError: KeyNotFound, KeyUnusable for several keys of that label.
    """
    found = token.use(lambda logged_in: logged_in.key_ids_labelled(label))
    if len(found) > 1:
        raise KeyUnusable(f"{token} has several keys labelled {label!r}: choose one by its id")
    if found:
        return found[0]
    if not make:
        raise KeyNotFound(f"{token} has no key labelled {label!r}")
    return token.use(lambda logged_in: logged_in.generate_key(label))


def _encrypt(key: SecretKey, plaintext: bytes, aad: bytes) -> bytes:
    iv = random_bytes(IV_BYTES)
    return iv + bytes(key.encrypt(plaintext, mechanism=Mechanism.AES_GCM, mechanism_param=_gcm(iv, aad)))


def _decrypt(key: SecretKey, blob: bytes, aad: bytes) -> bytes:
    iv, rest = blob[:IV_BYTES], blob[IV_BYTES:]
    return bytes(key.decrypt(rest, mechanism=Mechanism.AES_GCM, mechanism_param=_gcm(iv, aad)))


def _gcm(iv: bytes, aad: bytes) -> GCMParams:
    return GCMParams(iv, aad, TAG_BYTES * 8)


def _opens_what_it_seals(key: SecretKey) -> bool:
    probe = random_bytes(IV_BYTES)
    return equal(_decrypt(key, _encrypt(key, probe, b"probe"), b"probe"), probe)


def _works(key: SecretKey) -> bool:
    if not _opens_what_it_seals(key):
        return False
    sealed = _encrypt(key, b"probe", b"probe")
    try:
        _decrypt(key, sealed, b"another")
    except PKCS11Error:
        return True
    return False
