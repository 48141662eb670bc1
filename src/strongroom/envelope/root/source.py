"""The one interface of root keys: wrap a storage key, unwrap it again, and say who you are without saying anything."""

from typing import Protocol


class RootKeySource(Protocol):
    """A root key that is held in memory, in a hardware module or by another service.

    The root key itself never passes through here, so that a source may be unable to tell it. Sources are used at start
    and when keys change, never while a request is served; they may take a second.
    """

    @property
    def fingerprint(self) -> str:
        """Return `<kind>:<32 hexadecimal digits>`, which tells root keys apart and reveals nothing of the key."""
        ...

    @property
    def public_parameters(self) -> str:
        """Return what must be kept beside the keyring to find this root key again (a salt); empty if nothing must."""
        ...

    @property
    def likely_cause(self) -> str:
        """Return what to tell the operator when the fingerprint agrees and `unwrap` fails all the same."""
        ...

    def wrap(self, plaintext: bytes, aad: bytes) -> bytes:
        """Return `plaintext` encrypted and authenticated together with `aad`, different each time."""
        ...

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the plaintext of what `wrap` gave. Raises AuthenticationFailed for anything else."""
        ...
