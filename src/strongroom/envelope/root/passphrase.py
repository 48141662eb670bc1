"""The root key from a passphrase, through Argon2id."""

import hashlib

from strongroom.base.errors import OperatorError
from strongroom.crypto.passphrase import Argon2idParameters, derive_key
from strongroom.envelope.root.local_key import LocalRootKey

PASSPHRASE_CHARACTERS_MIN = 12


class PassphraseRoot(LocalRootKey):
    """A root key that only a passphrase gives. Its public parameters (salt and costs) are kept beside the keyring.

    The fingerprint is of the public parameters alone, not of the key: a fingerprint of the key, printed in a log, would
    let guesses be checked, even guesses at another passphrase that was typed here by mistake.
    """

    __slots__ = ("_parameters",)

    likely_cause = "the passphrase is wrong, or the keyring was altered"

    def __init__(self, passphrase: str, parameters: Argon2idParameters) -> None:
        try:
            super().__init__(derive_key(passphrase, parameters))
        except ValueError as error:
            raise OperatorError(f"the root key's passphrase cannot be used: {error}") from None
        except MemoryError:
            mebibytes = parameters.memory_kib // 1024
            raise OperatorError(f"deriving the root key from its passphrase needs {mebibytes} MiB of memory") from None
        self._parameters = str(parameters)

    def __repr__(self) -> str:
        return f"PassphraseRoot({self.fingerprint})"

    @classmethod
    def create(cls, passphrase: str) -> "PassphraseRoot":
        """Return a root key with a fresh salt. Raises OperatorError below `PASSPHRASE_CHARACTERS_MIN` characters."""
        if len(passphrase) < PASSPHRASE_CHARACTERS_MIN:
            raise OperatorError(f"a passphrase for the root key has at least {PASSPHRASE_CHARACTERS_MIN} characters")
        return cls(passphrase, Argon2idParameters.new())

    @classmethod
    def load(cls, passphrase: str, public_parameters: str) -> "PassphraseRoot":
        """Return the root key that these recorded parameters and the passphrase give.

        A wrong passphrase gives another key, which does not open the keyring. Raises OperatorError for parameters that
        cannot be read or are out of bounds.
        """
        try:
            parameters = Argon2idParameters.parse(public_parameters)
        except ValueError as error:
            raise OperatorError(f"the root key's recorded parameters cannot be used: {error}") from None
        return cls(passphrase, parameters)

    @property
    def fingerprint(self) -> str:
        """Return `passphrase:` and 32 hexadecimal digits of the SHA-256 of the public parameters."""
        return "passphrase:" + hashlib.sha256(self._parameters.encode()).hexdigest()[:32]

    @property
    def public_parameters(self) -> str:
        """Return the salt and costs as text, for `load`."""
        return self._parameters
