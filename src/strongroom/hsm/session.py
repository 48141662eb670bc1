"""A session with a token, and the keys that were found in it."""

from collections.abc import Iterator
from typing import Any, Protocol, cast

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass
from pkcs11.exceptions import AttributeSensitive, AttributeTypeInvalid, NoSuchKey
from pkcs11.mechanisms import GCMParams

from strongroom.crypto.random import random_bytes
from strongroom.hsm.errors import KeyUnusable

KEY_BITS = 256
KEY_ID_BYTES = 16

_KEPT_IN_TOKEN = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}


class SecretKey(Protocol):
    """The part of a python-pkcs11 key that is used here; the library's own types leave it out."""

    def __getitem__(self, attribute: Attribute) -> Any:
        """Return an attribute."""

    def encrypt(self, data: bytes, *, mechanism: Mechanism, mechanism_param: GCMParams) -> bytes:
        """Return the ciphertext, and what else the mechanism makes."""

    def decrypt(self, data: bytes, *, mechanism: Mechanism, mechanism_param: GCMParams) -> bytes:
        """Return the plaintext."""


class LoggedIn:
    """A session whose user is logged in. Key handles are good for this session's start of the module only.

    Every method raises PKCS11Error when the token fails.
    """

    __slots__ = ("_keys", "generation", "label", "session")

    def __init__(self, session: pkcs11.Session, label: str, generation: int) -> None:
        self.session = session
        self.label = label
        self.generation = generation
        self._keys: dict[bytes, SecretKey] = {}

    def key(self, key_id: bytes, *, anew: bool = False) -> SecretKey:
        """Return the AES-256 key with this CKA_ID. Raises NoSuchKey (a PKCS11Error), KeyUnusable.

        `anew` looks for it even if it was found before.
        """
        key = None if anew else self._keys.get(key_id)
        if key is None:
            found = self._find({Attribute.ID: key_id})
            if not found:
                raise NoSuchKey(f"id {key_id.hex()}")
            if len(found) > 1:
                raise KeyUnusable(f"the PKCS#11 token {self.label!r} has several keys with the id {key_id.hex()}")
            key = found[0]
            self._must_stay_in_token(key, key_id)
            self._keys[key_id] = key
        return key

    def key_ids_labelled(self, label: str) -> list[bytes]:
        """Return the CKA_ID of each secret key with this label. A label may well be there twice."""
        return [bytes(key[Attribute.ID]) for key in self._find({Attribute.LABEL: label})]

    def generate_key(self, label: str, key_id: bytes | None = None) -> bytes:
        """Make an AES-256 key that cannot leave the token, and return its CKA_ID, which is random unless given.

        The key of a given id is made once: a second try finds it, should it be there after all.
        """
        if key_id is not None and self._find({Attribute.ID: key_id}):
            self.key(key_id)
            return key_id
        key_id = key_id or random_bytes(KEY_ID_BYTES)
        # The login is the token's, not the session's: this one may write, and needs no PIN.
        with self.session.token.open(rw=True) as writing:
            writing.generate_key(
                KeyType.AES,
                KEY_BITS,
                id=key_id,
                label=label,
                store=True,
                capabilities=MechanismFlag.ENCRYPT | MechanismFlag.DECRYPT,
                template={Attribute.PRIVATE: True, **_KEPT_IN_TOKEN},
            )
        self.key(key_id)
        return key_id

    def destroy_key(self, key_id: bytes) -> None:
        """Destroy the keys with this CKA_ID for good."""
        self._keys.pop(key_id, None)
        with self.session.token.open(rw=True) as writing:
            for key in list(writing.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.ID: key_id})):
                key.destroy()

    def _find(self, attributes: dict[Attribute, object]) -> list[SecretKey]:
        found = self.session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, **attributes})
        return list(cast(Iterator[SecretKey], found))

    def _must_stay_in_token(self, key: SecretKey, key_id: bytes) -> None:
        wanted = {
            Attribute.KEY_TYPE: KeyType.AES,
            Attribute.VALUE_LEN: KEY_BITS // 8,
            Attribute.ENCRYPT: True,
            Attribute.DECRYPT: True,
            **_KEPT_IN_TOKEN,
        }
        for attribute, value in wanted.items():
            if _attribute(key, attribute) != value:
                raise KeyUnusable(
                    f"the key {key_id.hex()} in the PKCS#11 token {self.label!r} is not an AES-256 key that encrypts "
                    f"and decrypts and never leaves the token: see its CKA_{attribute.name}"
                )


def _attribute(key: SecretKey, attribute: Attribute) -> object:
    try:
        return key[attribute]
    except (AttributeSensitive, AttributeTypeInvalid):
        return None
