"""`strongroom rekey`: change the root key."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from strongroom.base.errors import OperatorError
from strongroom.cli.passphrase import ask_passphrase
from strongroom.cli.store_options import StoreOptions

if TYPE_CHECKING:
    from strongroom.server.token_root_key import TokenChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRootKey:
    """The root key to be: without any of these, a new file in the default place."""

    new_root_key_file: Path | None = None
    """File to make for the new root key."""

    new_root_key_passphrase_file: Path | None = None
    """File whose first line is the new passphrase."""

    new_root_key_passphrase: str | None = field(default=None, repr=False)
    """The new passphrase itself; give it by its variable, for options are seen by other users of the machine."""

    new_root_key_passphrase_prompt: bool = False
    """Ask for the new passphrase on the terminal, twice."""

    new_root_key_pkcs11_module: Path | None = None
    """PKCS#11 module in whose token the new root key is made."""

    new_root_key_pkcs11_token: str | None = None
    """Label of that token."""

    new_root_key_pkcs11_pin_file: Path | None = None
    """File whose first line is the PIN of the token's user."""

    new_root_key_pkcs11_key_label: str | None = None
    """Label for the key made in the token."""

    new_root_key_pkcs11_key_id: str | None = None
    """Id (CKA_ID, hexadecimal) of a key that is in the token already, to use instead of making one."""

    def choose(self) -> "Path | str | TokenChoice | None":
        """Return the file to make, the passphrase, the token, or None for a file in the default place.

        Raises OperatorError.
        """
        token = self._token()
        sources = [self.new_root_key_file, self.new_root_key_passphrase_file, self.new_root_key_passphrase, token]
        if len(sources) - sources.count(None) + self.new_root_key_passphrase_prompt > 1:
            raise OperatorError("choose one new root key, not several")
        if token is not None:
            return token
        if self.new_root_key_passphrase_prompt:
            typed = ask_passphrase("New passphrase of the root key: ")
            if ask_passphrase("Once more: ") != typed:
                raise OperatorError("the two passphrases differ")
            return typed
        if self.new_root_key_passphrase_file is not None:
            from strongroom.server.root_key import read_passphrase

            return read_passphrase(self.new_root_key_passphrase_file)
        if self.new_root_key_passphrase is not None:
            return self.new_root_key_passphrase
        return self.new_root_key_file.expanduser().absolute() if self.new_root_key_file else None

    def _token(self) -> "TokenChoice | None":
        from strongroom.server.token_root_key import TokenChoice

        return TokenChoice.complete(
            "new-root-key-pkcs11",
            module=self.new_root_key_pkcs11_module,
            token=self.new_root_key_pkcs11_token,
            pin_file=self.new_root_key_pkcs11_pin_file,
            key_label=self.new_root_key_pkcs11_key_label,
            key_id=self.new_root_key_pkcs11_key_id,
        )


def rekey(
    store: Annotated[StoreOptions | None, Parameter(name="*")] = None,
    new: Annotated[NewRootKey | None, Parameter(name="*")] = None,
    *,
    config: Path | None = None,
) -> None:
    """Change the root key, and seal everything stored anew. Stop the server first.

    An old root key together with an old copy of the data opens nothing that is written from then on.

    Parameters
    ----------
    config
        File of settings (TOML); by default strongroom.toml in the data directory or the user's configuration directory.
    """
    import asyncio
    import time

    from strongroom.base.configuration import Configuration
    from strongroom.server.change_root_key import change_root_key

    defaults = Configuration()
    configuration = (store or StoreOptions()).configuration(defaults.region, defaults.account_id)
    chosen = (new or NewRootKey()).choose()
    done = asyncio.run(change_root_key(configuration, chosen, time.time()))
    print(f"The root key is now {done.rekeyed.root_fingerprint}; {done.rekeyed.values} stored values were sealed anew.")
    options = _options_of(chosen)
    if options:
        print(f"Start the server with {options}")
    if done.old_key:
        print(f"{done.old_key} opens older backups only: keep it with them, or destroy it.")


def _options_of(chosen: "Path | str | TokenChoice | None") -> str:
    """Return the options by which the server finds the new root key; empty when it is in the default place."""
    if chosen is None:
        return ""
    if isinstance(chosen, str):
        return "the new passphrase (--root-key-passphrase-file or --root-key-passphrase-prompt)."
    if isinstance(chosen, Path):
        return f"--root-key-file {shlex.quote(str(chosen))}"
    words = ["--root-key-pkcs11-module", str(chosen.module), "--root-key-pkcs11-token", chosen.token]
    return shlex.join([*words, "--root-key-pkcs11-pin-file", str(chosen.pin_file)])
