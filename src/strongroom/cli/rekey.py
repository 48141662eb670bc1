"""`strongroom rekey`: change the root key."""

import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from strongroom.base.errors import OperatorError
from strongroom.cli.passphrase import ask_passphrase
from strongroom.cli.store_options import StoreOptions


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

    def passphrase(self) -> str | None:
        """Return the new passphrase, or None for a key file. Raises OperatorError."""
        sources = [self.new_root_key_file, self.new_root_key_passphrase_file, self.new_root_key_passphrase]
        if len(sources) - sources.count(None) + self.new_root_key_passphrase_prompt > 1:
            raise OperatorError("choose one new root key, not several")
        if self.new_root_key_passphrase_prompt:
            typed = ask_passphrase("New passphrase of the root key: ")
            if ask_passphrase("Once more: ") != typed:
                raise OperatorError("the two passphrases differ")
            return typed
        if self.new_root_key_passphrase_file is not None:
            from strongroom.server.root_key import read_passphrase

            return read_passphrase(self.new_root_key_passphrase_file)
        return self.new_root_key_passphrase


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
    new = new or NewRootKey()
    passphrase = new.passphrase()
    new_file = new.new_root_key_file.expanduser().absolute() if new.new_root_key_file else None
    done = asyncio.run(change_root_key(configuration, new_file, passphrase, time.time()))
    print(f"The root key is now {done.rekeyed.root_fingerprint}; {done.rekeyed.values} stored values were sealed anew.")
    if passphrase is not None:
        print("Start the server with the new passphrase (--root-key-passphrase-file or --root-key-passphrase-prompt).")
    elif new_file is not None:
        print(f"Start the server with --root-key-file {shlex.quote(str(new_file))}")
    if done.old_file is not None:
        print(f"{done.old_file} opens older backups only: keep it with them, or destroy it.")
