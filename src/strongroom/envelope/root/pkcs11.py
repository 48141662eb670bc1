"""The root key in a PKCS#11 token, which it never leaves: the token wraps and unwraps.

The process is logged in only while the root key is at work, which is at start and when keys change.
"""

import hashlib
import re
from urllib.parse import quote, unquote_to_bytes

from strongroom.base.errors import OperatorError
from strongroom.crypto.aead import AuthenticationFailed
from strongroom.hsm.key import TokenKey, find_key
from strongroom.hsm.token import TokenLogin, open_token

WRAP_VERSION = b"\x02"
KEY_ID_BYTES_MAX = 255

_PARAMETERS = re.compile(r"pkcs11:token=[^;]{0,512};id=(?P<id>(?:%[0-9A-F]{2}){1,255});type=secret-key")


class Pkcs11Root:
    """A 256-bit AES key of a token. Wraps as `0x02 || IV || ciphertext || tag`, with AES-GCM in the token.

    The key is known by its CKA_ID, which the fingerprint is made of: a label may be there twice.
    """

    __slots__ = ("_key_id", "_login")

    def __init__(self, login: TokenLogin, key_id: bytes) -> None:
        if not 0 < len(key_id) <= KEY_ID_BYTES_MAX:
            raise OperatorError(f"the id of a root key in a PKCS#11 token has 1 to {KEY_ID_BYTES_MAX} bytes")
        self._login = login
        self._key_id = key_id

    def __repr__(self) -> str:
        return f"Pkcs11Root({self.fingerprint})"

    @classmethod
    def create(cls, login: TokenLogin, label: str) -> "Pkcs11Root":
        """Make a new root key in the token, with this label. Raises HsmError."""
        with open_token(login) as token:
            return cls._checked(login, token.use(lambda logged_in: logged_in.generate_key(label)))

    @classmethod
    def find_or_create(cls, login: TokenLogin, label: str) -> "Pkcs11Root":
        """Return the root key with this label, newly made if there is none. Raises HsmError, also if there are several.

        For the first start: when it was cut short, the key that it made is found again.
        """
        with open_token(login) as token:
            key_id = find_key(token, label, make=True)
        return cls._checked(login, key_id)

    @classmethod
    def of_key(cls, login: TokenLogin, key_id: bytes) -> "Pkcs11Root":
        """Return the root key that the token has under this CKA_ID. Raises HsmError."""
        return cls._checked(login, key_id)

    @classmethod
    def load(cls, login: TokenLogin, public_parameters: str) -> "Pkcs11Root":
        """Return the root key that recorded parameters name. Raises HsmError; OperatorError for bad parameters.

        The token is the one of `login`, for the key may have moved to another one, with its id.
        """
        return cls._checked(login, _key_id_in(public_parameters))

    @classmethod
    def _checked(cls, login: TokenLogin, key_id: bytes) -> "Pkcs11Root":
        root = cls(login, key_id)
        with open_token(login) as token:
            TokenKey(token, key_id).check()
        return root

    @property
    def fingerprint(self) -> str:
        """Return `pkcs11:` and 32 hexadecimal digits of the SHA-256 of the key's CKA_ID."""
        return "pkcs11:" + hashlib.sha256(self._key_id).hexdigest()[:32]

    @property
    def public_parameters(self) -> str:
        """Return the PKCS#11 URI (RFC 7512) of the key."""
        key_id = "".join(f"%{byte:02X}" for byte in self._key_id)
        return f"pkcs11:token={quote(self._login.label, safe='')};id={key_id};type=secret-key"

    @property
    def likely_cause(self) -> str:
        """Return what to tell the operator: the token has another key under the id, or the keyring was altered."""
        return (
            f"the key {self._key_id.hex()} in the PKCS#11 token {self._login.label!r} is not the one that wrapped it, "
            "or the keyring was altered"
        )

    def wrap(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return the wrapped form, 29 bytes longer than `plaintext`. Raises HsmError."""
        with open_token(self._login) as token:
            return WRAP_VERSION + TokenKey(token, self._key_id).encrypt(plaintext, WRAP_VERSION + aad)

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the plaintext. Raises AuthenticationFailed, HsmError."""
        if not wrapped.startswith(WRAP_VERSION):
            raise AuthenticationFailed
        with open_token(self._login) as token:
            return TokenKey(token, self._key_id).decrypt(wrapped[1:], WRAP_VERSION + aad)


def _key_id_in(public_parameters: str) -> bytes:
    match = _PARAMETERS.fullmatch(public_parameters)
    if match is None:
        raise OperatorError("the root key's recorded parameters cannot be used: they are no PKCS#11 URI of a key")
    return unquote_to_bytes(match["id"])
