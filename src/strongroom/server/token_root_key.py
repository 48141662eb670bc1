"""The root key in a PKCS#11 token: made there at first start, or chosen among the keys that are there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.base.configuration import Configuration
from strongroom.base.errors import OperatorError
from strongroom.envelope.keyring import KeyringRow
from strongroom.envelope.root import RootKeySource

if TYPE_CHECKING:
    from strongroom.hsm.token import TokenLogin


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenChoice:
    """A token, and which of its keys is meant, if any in particular.

    `module` is the path of the vendor's library, `token` a label, `pin_file` holds the PIN, `key_id` is hexadecimal.
    """

    module: Path
    token: str
    pin_file: Path
    key_label: str | None = None
    key_id: str | None = None

    @classmethod
    def complete(
        cls,
        option: str,
        *,
        module: Path | None,
        token: str | None,
        pin_file: Path | None,
        key_label: str | None,
        key_id: str | None,
    ) -> "TokenChoice | None":
        """Return the choice, or None when nothing was chosen. Raises OperatorError for half a choice.

        `option` is what the names of the options begin with, for the message.
        """
        if module is not None and token is not None and pin_file is not None:
            if key_label is not None and key_id is not None:
                raise OperatorError(f"choose one of {option}-key-label and {option}-key-id")
            return cls(module=module, token=token, pin_file=pin_file, key_label=key_label, key_id=key_id)
        if any(part is not None for part in (module, token, pin_file, key_label, key_id)):
            raise OperatorError(f"{option}-module, {option}-token and {option}-pin-file come together")
        return None

    @classmethod
    def of(cls, configuration: Configuration) -> "TokenChoice":
        """Return what the configuration says. Raises OperatorError when it names no token."""
        choice = cls.complete(
            "root-key-pkcs11",
            module=configuration.root_key_pkcs11_module,
            token=configuration.root_key_pkcs11_token,
            pin_file=configuration.root_key_pkcs11_pin_file,
            key_label=configuration.root_key_pkcs11_key_label,
            key_id=configuration.root_key_pkcs11_key_id,
        )
        if choice is None:
            raise OperatorError("no PKCS#11 token for the root key was given")
        return choice

    def login(self) -> "TokenLogin":
        """Return what it takes to log in. Raises OperatorError, also where the library for PKCS#11 is missing."""
        from strongroom.hsm.token import TokenLogin, read_pin

        return TokenLogin(self.module, self.token, read_pin(self.pin_file))


def open_token_key(choice: TokenChoice, rows: Sequence[KeyringRow], store_id: str) -> RootKeySource:
    """Return the root key of a store: the key of the chosen id, else the one that its keyring records.

    Before the first start (no `rows`) it is the key of the chosen label, or one that is made now. Raises OperatorError.
    """
    login = choice.login()
    from strongroom.envelope.root.pkcs11 import Pkcs11Root

    if choice.key_id is not None:
        return Pkcs11Root.of_key(login, _parse_key_id(choice.key_id))
    if rows:
        return Pkcs11Root.load(login, rows[0].root_parameters)
    return Pkcs11Root.find_or_create(login, choice.key_label or _default_label(store_id))


def make_token_key(choice: TokenChoice, store_id: str) -> RootKeySource:
    """Return a root key that was not in force before: newly made, or the one of the chosen id. Raises OperatorError."""
    login = choice.login()
    from strongroom.envelope.root.pkcs11 import Pkcs11Root

    if choice.key_id is not None:
        return Pkcs11Root.of_key(login, _parse_key_id(choice.key_id))
    return Pkcs11Root.create(login, choice.key_label or _default_label(store_id))


def _default_label(store_id: str) -> str:
    """Return the label of a store's root keys, by which a first start that was cut short finds the key it made."""
    return f"strongroom {store_id}"


def _parse_key_id(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise OperatorError(
            f"{digits!r} is no id of a PKCS#11 key: it is an even number of hexadecimal digits"
        ) from None
